/** Run inside the image in the connector's place: prints what it is and where it can write, as JSON. */
const PLACES = [
  "/",
  "/etc",
  "/home/nonroot",
  "/tmp",
  "/usr/bin",
  "/var/lib",
  "/var/lib/neuralops-connector",
];

const status = await Deno.readTextFile("/proc/self/status");
const field = (name: string) => status.match(new RegExp(`^${name}:\\s+(\\S+)`, "m"))?.[1];
const report = {
  uid: field("Uid"),
  gid: field("Gid"),
  effective: field("CapEff"),
  bounding: field("CapBnd"),
  noNewPrivileges: field("NoNewPrivs"),
  seccomp: field("Seccomp"),
  writes: Object.fromEntries(
    await Promise.all(PLACES.map(async (place) => [place, await tryWrite(place)])),
  ),
};
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(report)));

async function tryWrite(folder: string): Promise<string> {
  try {
    await Deno.writeTextFile(`${folder.replace(/\/$/, "")}/written`, "");
    return "written";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

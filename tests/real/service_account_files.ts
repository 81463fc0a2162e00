/**
 * `lay FOLDER` puts the testbed's CA and service account token where a pod has them, `remove FOLDER` takes
 * them away again. A program of its own: the tests themselves may not write there.
 */
const ROOT = "/var/run/secrets";
const PLACE = `${ROOT}/kubernetes.io/serviceaccount`;

const [action, folder] = Deno.args;
if (action === "lay") await lay(folder!);
else await Deno.remove(ROOT, { recursive: true });

async function lay(from: string): Promise<void> {
  const found = await Deno.lstat(ROOT).catch(() => null);
  if (found) {
    await Deno.stderr.write(new TextEncoder().encode(`${ROOT} is there already\n`));
    Deno.exit(1);
  }
  // As the kubelet does it, which can so exchange all files at once.
  await Deno.mkdir(`${PLACE}/..1`, { recursive: true });
  await Deno.symlink("..1", `${PLACE}/..data`);
  await Deno.copyFile(`${from}/ca.pem`, `${PLACE}/..1/ca.crt`);
  await Deno.copyFile(`${from}/service-account.token`, `${PLACE}/..1/token`);
  for (const name of ["ca.crt", "token"]) {
    await Deno.symlink(`..data/${name}`, `${PLACE}/${name}`);
  }
}

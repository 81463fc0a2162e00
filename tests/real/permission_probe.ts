/**
 * Run under the agent's permission set: tries what the agent must never be able to do, and what it must.
 * The argument is the state directory that it may write.
 */
const [stateDir] = Deno.args;

/** "allowed", or the name of the error that stopped it. */
type Outcome = string;

const attempts: Record<string, () => unknown> = {
  "run a program": () => new Deno.Command("/bin/sh").outputSync(),
  "open a native library": () => Deno.dlopen("libc.so.6", {}),
  "write outside the state directory": () => Deno.writeTextFileSync("./probe.tmp", ""),
  "write under /etc": () => Deno.writeTextFileSync("/etc/neuralops-probe", ""),
  "write its own source": () => Deno.openSync("./main.ts", { append: true }).close(),
  "read the system's passwords": () => Deno.readTextFileSync("/etc/passwd"),
  "read home directories": () => [...Deno.readDirSync("/home")],
  "read every environment variable": () => {
    if (Object.keys(Deno.env.toObject()).includes("PATH")) return;
    throw new Deno.errors.NotCapable("the environment is hidden");
  },
  "read a foreign environment variable": () => {
    if (Deno.env.get("NEURALOPS_PROBE") !== undefined) return;
    throw new Deno.errors.NotCapable("the variable is hidden");
  },
  "list network interfaces": () => Deno.networkInterfaces(),
  "write the state directory": () => {
    Deno.mkdirSync(stateDir!, { recursive: true });
    const path = `${stateDir}/permission-probe`;
    Deno.writeTextFileSync(path, "");
    Deno.removeSync(path);
  },
  "read its own environment variable": () => {
    if (Deno.env.get("NEURALOPS_CONFIG") === undefined) throw new Error("not there");
  },
};

const outcomes: Record<string, Outcome> = {};
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    attempt();
    outcomes[name] = "allowed";
  } catch (error) {
    outcomes[name] = (error as Error).name;
  }
}
// The one line that the test reads.
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(outcomes)));

/** A root directory with nothing in it but a program, the C library that it is linked with, and CA certificates. */
import { runChecked } from "../release/failure.ts";

export const PROGRAM = "/usr/bin/neuralops-connector";
export const STATE = "/var/lib/neuralops-connector";
export const CONFIG = "/etc/neuralops-connector";
/** Where the code lies when a Deno beside it runs it. */
const LIBRARY = "/usr/lib/neuralops-connector";
const CA_FILE = "/etc/ssl/certs/ca-certificates.crt";
const FOLDERS = [STATE, CONFIG, "/usr/bin", LIBRARY, "/run/neuralops-connector", "/srv", "/proc"];

export interface BareRoot {
  /** Absolute path of the directory, outside. */
  readonly path: string;
  /** Puts a file there, with the mode that it has. */
  put(from: string, to: string): Promise<void>;
  remove(): Promise<void>;
}

/** @param program is what its libraries are looked up for; it becomes PROGRAM */
export async function makeBareRoot(program: string): Promise<BareRoot> {
  const path = await Deno.makeTempDir({ prefix: "bare-" });
  const put = async (from: string, to: string) => {
    await Deno.mkdir(`${path}${to.slice(0, to.lastIndexOf("/"))}`, { recursive: true });
    await Deno.copyFile(from, `${path}${to}`);
  };
  for (const folder of FOLDERS) await Deno.mkdir(`${path}${folder}`, { recursive: true });
  for (const library of await librariesOf(program)) await put(library, library);
  await put(CA_FILE, CA_FILE);
  await put(program, PROGRAM);
  return { path, put, remove: () => Deno.remove(path, { recursive: true }) };
}

/** Absolute paths, the dynamic loader among them. */
async function librariesOf(program: string): Promise<string[]> {
  const said = await runChecked("ldd", [program]);
  return said.split("\n").flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

export interface Variant {
  /** Files besides the program: from → to. */
  readonly files: ReadonlyMap<string, string>;
  /** What to run inside, before the connector's own arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export const AS_BINARY: Variant = { files: new Map(), command: [PROGRAM], env: {} };

/** @param bundle the folder, outside @param flags the agent's permissions */
export async function asBundle(bundle: string, flags: readonly string[]): Promise<Variant> {
  const files = new Map<string, string>();
  for await (const { name } of Deno.readDir(bundle)) {
    files.set(`${bundle}/${name}`, `${LIBRARY}/${name}`);
  }
  const alone = ["--no-config", "--no-lock", "--no-npm", "--no-remote", "--no-code-cache"];
  return {
    files,
    command: [PROGRAM, "run", "--quiet", ...alone, ...flags, `${LIBRARY}/main.js`],
    // Deno keeps a cache somewhere even where it has nothing to put there.
    env: { DENO_DIR: `${STATE}/deno`, DENO_NO_UPDATE_CHECK: "1" },
  };
}

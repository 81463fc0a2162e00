/** `version --verify`: what this program is, and how far that can be believed. */
import { BUILD, VERSION } from "../agent/version.ts";
import { ConnectorError } from "../errors.ts";
import type { ThisProcess } from "../runtime.ts";
import { type CliIo, type ExitCode, UsageError } from "./io.ts";
import { type Format, printResult } from "./output.ts";
import { permissionSetOf } from "./permission_set.ts";
import { digestOf, verifySelf } from "./release_check.ts";

export interface VersionOptions {
  readonly verify: boolean;
  /** Path of SHA256SUMS; without it, what the bundle is named after. */
  readonly checksums?: string | undefined;
  /** Path of the Sigstore bundle over it. */
  readonly bundle?: string | undefined;
  /** Path of the PEM public key that releases are signed with. */
  readonly key?: string | undefined;
  readonly output: Format;
}

type VersionIo = Pick<CliIo, "readFile" | "print" | "printError">;

/** 0 told, or verified; 1 refused. Throws UsageError. */
export async function runVersion(
  options: VersionOptions,
  self: ThisProcess,
  io: VersionIo,
): Promise<ExitCode> {
  const { output, verify, bundle, key, checksums } = options;
  const isAsked = bundle !== undefined || key !== undefined || checksums !== undefined;
  if (!verify) {
    if (isAsked) throw new UsageError("--checksums, --bundle and --key need --verify");
    printResult(io, output, { version: VERSION }, () => [`neuralops-connector ${VERSION}`]);
    return 0;
  }
  const facts = await factsOf(self);
  if (!isAsked) {
    const digest = await digestOf(self, io).catch(() => null);
    printResult(io, output, { ...facts, sha256: digest, verified: null }, () => [
      ...factLines(facts, digest),
      ...UNVERIFIED,
    ]);
    return 0;
  }
  if (bundle === undefined || key === undefined) {
    throw new UsageError("--bundle and --key go together");
  }
  const sums = checksums ?? bundle.replace(/\.sigstore\.json$/, "");
  if (sums === bundle) throw new UsageError("give --checksums: the file that --bundle is over");
  try {
    const found = await verifySelf({ sums, bundle, key }, self, io);
    const { sha256, ...release } = found;
    printResult(io, output, { ...facts, sha256, verified: true, release }, () => [
      ...factLines(facts, sha256),
      "",
      `Verified OK: the file ${release.file} of ${sums}, signed by ${release.signer}`,
    ]);
    return 0;
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const { code, message, hint = null } = error;
    if (output !== "text") {
      printResult(io, output, { ...facts, verified: false, code, message, hint }, () => []);
      return 1;
    }
    factLines(facts, null).forEach((line) => io.print(line));
    io.printError(`REFUSED ${code}: ${message}`);
    if (hint !== null) io.printError(`  ${hint}`);
    return 1;
  }
}

const UNVERIFIED = [
  "",
  "Not verified: this is what the program says of itself, and a changed one could say the same.",
  "Give --bundle and --key of the release to compare its digest with the signed checksums,",
  "or better check it from outside, before it runs: see docs/release.md.",
];

type Facts = Awaited<ReturnType<typeof factsOf>>;

async function factsOf(self: ThisProcess) {
  return {
    version: VERSION,
    commit: BUILD?.commit ?? null,
    lockDigest: BUILD && `sha256:${BUILD.lockDigest}`,
    bundledBy: BUILD?.bundledBy ?? null,
    deno: self.deno,
    v8: self.v8,
    target: self.target,
    permissions: await permissionSetOf(self),
    executable: self.executable,
  };
}

function factLines(facts: Facts, digest: string | null): string[] {
  const { bundledBy, deno, v8, commit, permissions, executable } = facts;
  const isProof = bundledBy !== null && bundledBy !== deno;
  const lines = [
    ["commit", commit ?? "unknown: not built from a committed tree"],
    ["target", facts.target],
    [
      "runtime",
      `Deno ${deno}, V8 ${v8}${isProof ? `; made for Deno ${bundledBy}: NOT A RELEASE` : ""}`,
    ],
    ["permissions", permissions ?? "neither the agent's nor the command line's"],
    ["lock file", facts.lockDigest ?? "unknown: runs from source"],
    ["executable", executable ?? "none: a Deno beside it runs the code"],
    ...(digest === null ? [] : [["digest", digest]]),
  ];
  return [
    `neuralops-connector ${facts.version}`,
    ...lines.map(([name, value]) => `  ${name!.padEnd(11)}  ${value}`),
  ];
}

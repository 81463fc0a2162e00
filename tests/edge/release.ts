/** A release to install from: stand-ins for what install.sh alone is asked about, or the real binary. */
import { formatChecksums, sha256 } from "../../scripts/release/checksums.ts";
import { runToEnd } from "../real/process.ts";

export const WORK = "./reports/edge";
const PROGRAM = "neuralops-connector-linux-x86_64";

export interface Release {
  readonly folder: string;
  /** Path of the public key. */
  readonly key: string;
  readonly program: string;
  /** Writes SHA256SUMS anew and signs it. */
  sign(): Promise<void>;
  close(): Promise<void>;
}

/** @param script the binary: a program that knows `version` */
export async function makeRelease(script: string | Uint8Array): Promise<Release> {
  await Deno.mkdir(WORK, { recursive: true });
  const home = await Deno.realPath(await Deno.makeTempDir({ dir: WORK }));
  const folder = `${home}/dist`;
  await Deno.mkdir(folder);
  const bytes = typeof script === "string" ? new TextEncoder().encode(script) : script;
  await Deno.writeFile(`${folder}/${PROGRAM}`, bytes);
  for (
    const path of [
      "scripts/edge/neuralops-connector.service",
      "docs/examples/connector.minimal.yaml",
    ]
  ) await Deno.copyFile(path, `${folder}/${path.split("/").at(-1)}`);
  await createKey(`${home}/release`);
  const sign = async () => {
    const digests = new Map<string, string>();
    for await (const { name } of Deno.readDir(folder)) {
      if (name.startsWith("SHA256SUMS")) continue;
      digests.set(name, sha256(await Deno.readFile(`${folder}/${name}`)));
    }
    await Deno.writeTextFile(`${folder}/SHA256SUMS`, formatChecksums(digests));
    await openssl(
      `openssl dgst -sha256 -sign ${home}/release.key ${folder}/SHA256SUMS | ` +
        `openssl base64 -out ${folder}/SHA256SUMS.sig`,
    );
  };
  await sign();
  return {
    folder,
    key: `${home}/release.pub`,
    program: `${folder}/${PROGRAM}`,
    sign,
    close: () => Deno.remove(home, { recursive: true }),
  };
}

export async function createKey(prefix: string): Promise<void> {
  await openssl(
    `openssl ecparam -name prime256v1 -genkey -noout -out ${prefix}.key && ` +
      `openssl ec -in ${prefix}.key -pubout -out ${prefix}.pub`,
  );
}

async function openssl(script: string): Promise<void> {
  const { code, stderr } = await runToEnd("sh", { args: ["-c", script] });
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
}

/** Knows its version, and runs what it is given. */
export const standIn = (version: string, otherwise = "exit 1") =>
  `#!/bin/sh\n[ "$1" = version ] && echo "neuralops-connector ${version}" && exit 0\n${otherwise}\n`;

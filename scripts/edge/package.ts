/** One Debian package: the tree that it unpacks to, and dpkg-deb over it. Same input, same bytes. */
import { gzipSync } from "node:zlib";
import { runChecked } from "../release/failure.ts";

const NAME = "neuralops-connector";
const SCRIPTS = ["postinst", "prerm", "postrm"];

export const DEBIAN_ARCHITECTURES = [
  { machine: "x86_64", debian: "amd64" },
  { machine: "aarch64", debian: "arm64" },
] as const;

export interface PackageParts {
  /** Path of the compiled agent. */
  readonly binary: string;
  readonly version: string;
  readonly architecture: string;
  /** Text of /usr/share/doc/neuralops-connector/copyright. */
  readonly copyright: string;
  /** Modification time of every file, in seconds. */
  readonly epoch: number;
  /** Directory for the package. */
  readonly output: string;
}

/** The path of the package. Throws Failure. */
export async function buildPackage(parts: PackageParts): Promise<string> {
  const tree = await Deno.makeTempDir();
  try {
    await layTree(tree, parts);
    const { version, architecture, epoch, output } = parts;
    const path = `${output}/${NAME}_${version}_${architecture}.deb`;
    // One thread: xz cuts its blocks by their number.
    await runChecked("dpkg-deb", [
      "--root-owner-group",
      "--uniform-compression",
      "-Zxz",
      "-z1",
      "--threads-max=1",
      "--build",
      tree,
      path,
    ], { env: { SOURCE_DATE_EPOCH: String(epoch) } });
    return path;
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

async function layTree(tree: string, parts: PackageParts): Promise<void> {
  const doc = `usr/share/doc/${NAME}`;
  const put = async (path: string, bytes: Uint8Array | string, mode = 0o644) => {
    const target = `${tree}/${path}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(target, typeof bytes === "string" ? encoder.encode(bytes) : bytes);
    await Deno.chmod(target, mode);
  };
  const copy = async (path: string, from: string, mode = 0o644) =>
    await put(path, await Deno.readFile(from), mode);

  await copy(`usr/bin/${NAME}`, parts.binary, 0o755);
  await copy(`usr/lib/systemd/system/${NAME}.service`, `scripts/edge/${NAME}.service`);
  await copy(`etc/${NAME}/connector.yaml.example`, "docs/examples/connector.minimal.yaml");
  await put(`${doc}/copyright`, parts.copyright);
  // Without a name and a time in its header.
  await put(`${doc}/changelog.gz`, gzipSync(changelog(parts), { level: 9 }));
  await copy(`${doc}/edge.md`, "docs/edge.md");
  await copy(`${doc}/examples/connector.full.yaml`, "docs/examples/connector.full.yaml");
  await copy(`${doc}/examples/policy.yaml`, "docs/examples/policy.yaml");
  await copy(`usr/share/lintian/overrides/${NAME}`, "scripts/edge/debian/lintian-overrides");
  await put("DEBIAN/conffiles", `/etc/${NAME}/connector.yaml.example\n`);
  for (const script of SCRIPTS) {
    await copy(`DEBIAN/${script}`, `scripts/edge/debian/${script}`, 0o755);
  }
  await put("DEBIAN/control", control(parts, await installedKilobytes(tree)));
  for (const path of await everythingUnder(tree)) {
    if ((await Deno.stat(path)).isDirectory) await Deno.chmod(path, 0o755);
    await Deno.utime(path, parts.epoch, parts.epoch);
  }
}

const encoder = new TextEncoder();

function control({ version, architecture }: PackageParts, kilobytes: number): string {
  return `Package: ${NAME}
Version: ${version}
Architecture: ${architecture}
Maintainer: NeuralOps <connector@neuralops.example>
Installed-Size: ${kilobytes}
Depends: adduser, ca-certificates, libc6 (>= 2.28), libgcc-s1
Recommends: systemd
Section: admin
Priority: optional
Description: carries out signed and approved changes on this host or cluster
 The agent that connects a cluster or host to NeuralOps. It takes in work
 packages, and carries out only what was signed, allowed by the local
 policy and approved; what it did is in a tamper-evident log.
`;
}

function changelog({ version, epoch }: PackageParts): string {
  const date = new Date(epoch * 1000).toUTCString().replace("GMT", "+0000");
  return `${NAME} (${version}) unstable; urgency=medium

  * Release ${version}.

 -- NeuralOps <connector@neuralops.example>  ${date}
`;
}

async function installedKilobytes(tree: string): Promise<number> {
  let bytes = 0;
  for (const path of await everythingUnder(tree)) bytes += (await Deno.stat(path)).size;
  return Math.ceil(bytes / 1024);
}

/** Files and directories, each directory after what is in it. */
async function everythingUnder(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await everythingUnder(`${folder}/${name}`));
    else found.push(`${folder}/${name}`);
  }
  return [...found, folder];
}

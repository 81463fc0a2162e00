/** The base image's files, from Debian's packages: what distroless's `cc` image holds, and no more. */
import { Failure, runChecked } from "../release/failure.ts";
import { cacheFolder } from "../testbed/peer.ts";
import { unpackDebian } from "../testbed/programs/debian.ts";

/** What the binary is linked against, roots of trust, time zones, and who the system is. */
export const PACKAGES = ["libc6", "libgcc-s1", "ca-certificates", "tzdata", "base-files"];
const CACHE = "debian-image-base";
const UID = 65532;

/** For people, or for programs that are not there: shells, package scripts, character sets of other ages. */
const LEFT_OUT = [
  "bin",
  "sbin",
  "usr/bin",
  "usr/sbin",
  "etc/update-motd.d",
  "usr/lib/x86_64-linux-gnu/gconv",
  "usr/lib/aarch64-linux-gnu/gconv",
  "usr/share/bug",
  "usr/share/doc-base",
  "usr/share/info",
  "usr/share/lintian",
  "usr/share/locale",
  "usr/share/man",
];

const ACCOUNTS = {
  "etc/passwd": [
    "root:x:0:0:root:/root:/sbin/nologin",
    "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin",
    `nonroot:x:${UID}:${UID}:nonroot:/home/nonroot:/sbin/nologin`,
  ],
  "etc/group": ["root:x:0:", "nobody:x:65534:", `nonroot:x:${UID}:`],
  "etc/nsswitch.conf": ["hosts: files dns"],
};

/**
 * Writes `root.tar` and `home.tar` into the folder, to be added over each other: the same bytes whenever
 * the packages are the same. Throws Failure.
 */
export async function writeBaseRoot(folder: string, epochSeconds: number): Promise<void> {
  const root = `${folder}/root`;
  await Deno.mkdir(`${root}/var/lib/dpkg/status.d`, { recursive: true });
  for (const archive of await packageArchives()) {
    await runChecked("dpkg", ["-x", archive, root]);
    await recordPackage(archive, root);
  }
  for (const path of LEFT_OUT) await removeIfThere(`${root}/${path}`);
  await keepOnlyLicences(`${root}/usr/share/doc`);
  await Deno.writeTextFile(`${root}/etc/ssl/certs/ca-certificates.crt`, await trustedRoots(root));
  for (const [path, lines] of Object.entries(ACCOUNTS)) {
    await Deno.writeTextFile(`${root}/${path}`, `${lines.join("\n")}\n`);
  }
  await Deno.mkdir(`${folder}/home/home/nonroot`, { recursive: true, mode: 0o700 });
  await pack(root, `${folder}/root.tar`, epochSeconds, 0);
  await pack(`${folder}/home`, `${folder}/home.tar`, epochSeconds, UID, "home/nonroot");
}

/** Paths of the packages, fetched once and kept. */
async function packageArchives(): Promise<string[]> {
  const folder = `${cacheFolder()}/${CACHE}`;
  const find = async () => {
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(() => []);
    return names.filter((name) => name.endsWith(".deb")).sort().map((name) => `${folder}/${name}`);
  };
  const kept = await find();
  if (kept.length === PACKAGES.length) return kept;
  const problem = await unpackDebian(CACHE, PACKAGES);
  if (problem) throw new Failure(`Debian's ${PACKAGES.join(", ")} not to be had: ${problem}`);
  return await find();
}

/** Where scanners look what is in an image without a package manager. */
async function recordPackage(archive: string, root: string): Promise<void> {
  const control = await runChecked("dpkg-deb", ["--field", archive]);
  const name = /^Package: (.+)$/m.exec(control)![1]!;
  await Deno.writeTextFile(`${root}/var/lib/dpkg/status.d/${name}`, `${control}\n`);
}

/** One after the other, as `update-ca-certificates` does: there is nothing in the image that could. */
async function trustedRoots(root: string): Promise<string> {
  const folder = `${root}/usr/share/ca-certificates/mozilla`;
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  const texts = names.sort().map((name) => Deno.readTextFile(`${folder}/${name}`));
  return (await Promise.all(texts)).join("");
}

async function keepOnlyLicences(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (!(await Deno.lstat(path)).isDirectory) continue;
    for await (const { name: file } of Deno.readDir(path)) {
      if (file !== "copyright") await Deno.remove(`${path}/${file}`, { recursive: true });
    }
  }
}

async function pack(folder: string, archive: string, epoch: number, owner: number, name = ".") {
  await runChecked("tar", [
    ...["-C", folder, "--sort=name", `--mtime=@${epoch}`, "--format=gnu"],
    ...[`--owner=${owner}`, `--group=${owner}`, "--numeric-owner", "-cf", archive, name],
  ]);
}

async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** A Debian host with systemd as PID 1, in namespaces of its own; and the root that it is made of. */
import { isFile, run, which } from "../../scripts/testbed/command.ts";
import { cacheFolder } from "../../scripts/testbed/peer.ts";
import { findDebianProgram } from "../../scripts/testbed/programs/debian.ts";
import { runToEnd } from "../real/process.ts";

const PACKAGES = ["systemd", "systemd-sysv", "adduser", "ca-certificates", "libgcc-s1", "openssl"];
const WORK = "./reports/edge";

/** A root with these packages, made once; or why there is none. */
export async function debianRoot(
  name: string,
  packages: readonly string[],
): Promise<{ readonly root: string } | { readonly why: string }> {
  if ((await run("id", ["-u"])).out !== "0") return { why: "only root can make one" };
  const root = `${cacheFolder()}/debian-root-${name}`;
  if (await isFile(`${root}/etc/debian_version`)) return { root };
  const mmdebstrap = await findDebianProgram("mmdebstrap", "mmdebstrap", /(\S+)$/);
  if ("why" in mmdebstrap) return mmdebstrap;
  const partial = `${root}.part`;
  await Deno.remove(partial, { recursive: true }).catch(() => {});
  const include = `--include=${packages.join(",")}`;
  const { code, stderr } = await new Deno.Command("perl", {
    args: [mmdebstrap.program, "--variant=apt", include, "bookworm", partial],
    stdin: "null",
    stderr: "piped",
    stdout: "null",
  }).output();
  if (code !== 0) return { why: new TextDecoder().decode(stderr).trim().split("\n").at(-1)! };
  await Deno.rename(partial, root);
  return { root };
}

export class Machine {
  private constructor(
    readonly root: string,
    private readonly folder: string,
    private readonly child: Deno.ChildProcess,
    private readonly pid: number,
  ) {}

  /** Booted, or why not. What is written to it is gone at its end. */
  static async boot(): Promise<Machine | { readonly why: string }> {
    if (!await which("unshare")) return { why: "there is no unshare" };
    const base = await debianRoot("edge", PACKAGES);
    if ("why" in base) return base;
    await Deno.mkdir(WORK, { recursive: true });
    const folder = await Deno.realPath(await Deno.makeTempDir({ dir: WORK }));
    // Where the checkout lies on an overlay, only a file system of its own can be an upper layer.
    await sh(`mount -t tmpfs tmpfs ${folder} && cd ${folder} && mkdir upper work root`);
    const layers = `lowerdir=${base.root},upperdir=${folder}/upper,workdir=${folder}/work`;
    const root = `${folder}/root`;
    await sh(`mount -t overlay -o ${layers} overlay ${root} && : > ${root}/etc/machine-id`);
    const child = new Deno.Command("tests/edge/boot.sh", {
      args: [root],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const pid = await firstChild(child.pid);
    const machine = new Machine(root, folder, child, pid);
    // Degraded is up as well: some unit that a namespace cannot have.
    await machine.run("until systemctl is-system-running --wait; do sleep 0.1; done || true");
    return machine;
  }

  /** Runs a script in it, as root. */
  async run(script: string) {
    return await runToEnd("nsenter", {
      args: ["-t", String(this.pid), "-a", "--", "sh", "-c", script],
      env: { PATH },
    });
  }

  async copyIn(from: string, to: string): Promise<void> {
    await sh(`cp -r ${from} ${this.root}${to}`);
  }

  async close(): Promise<void> {
    // The init of a PID namespace: everything in it goes with it.
    Deno.kill(this.pid, "SIGKILL");
    await this.child.status;
    await sh(`umount ${this.folder}/root && umount ${this.folder} && rmdir ${this.folder}`);
    const groups = `/sys/fs/cgroup/*/edge-${this.child.pid} /sys/fs/cgroup/edge-${this.child.pid}`;
    await sh(`find ${groups} -depth -type d -exec rmdir {} + 2>/dev/null || true`);
  }
}

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

async function sh(script: string): Promise<void> {
  const { code, stderr } = await runToEnd("sh", { args: ["-c", script], env: { PATH } });
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
}

/** systemd itself: what `unshare` forked, once boot.sh has become unshare and that has become systemd. */
async function firstChild(parent: number): Promise<number> {
  for (;;) {
    const { stdout } = await runToEnd("sh", {
      args: [
        "-c",
        `for c in $(cat /proc/${parent}/task/${parent}/children); do ` +
        `[ "$(cat /proc/$c/comm)" = systemd ] && echo $c; done; true`,
      ],
    });
    if (stdout.trim() !== "") return Number(stdout.trim());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

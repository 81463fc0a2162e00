/**
 * Starts a program in a bare root. It gets a mount namespace of its own for /proc, so that nothing is left
 * mounted when it ends, and it replaces the shell that prepares it, so that signals reach it.
 */

const PREPARE = `mount --rbind /proc "$1/proc" || exit 125
root=$1
shift
exec /usr/bin/env -i "$@" 2>&1`;

export interface Inside {
  /** Absolute path of the root. */
  readonly root: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Both of its streams come in one. Needs to be root. */
export function spawnInside({ root, command, env }: Inside): Deno.ChildProcess {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const chroot = ["/usr/sbin/chroot", root, ...command];
  return new Deno.Command("unshare", {
    args: ["--mount", "sh", "-c", PREPARE, "sh", root, ...variables, ...chroot],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Runs it to its end. */
export async function runInside(inside: Inside): Promise<{ code: number; said: string }> {
  const { code, stdout } = await spawnInside(inside).output();
  return { code, said: new TextDecoder().decode(stdout).trim() };
}

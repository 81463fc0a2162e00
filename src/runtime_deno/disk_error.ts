/** The operating system's errors, and Deno's own refusals, as errors of ours. */
import { StalledError, TransientError } from "../errors.ts";

/** Foreign disk errors become ours here and nowhere else. */
export function diskError(error: unknown, path: string): unknown {
  const code = (error as { code?: string }).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new TransientError("disk_full", `Cannot write ${path}: no space left`, {
      cause: error,
      hint: "free space on the volume of the state directory; nothing acknowledged was lost",
    });
  }
  if (code === "EROFS" || isDenied(error)) {
    return new StalledError("state_unwritable", `Cannot write ${path}: permission denied`, {
      cause: error,
      hint: "make the state directory writable for the connector's user, and let it lie where " +
        "the permission set in deno.json allows writing",
    });
  }
  return error;
}

export function readError(error: unknown, path: string): unknown {
  if (!isDenied(error)) return error;
  return new StalledError("access_denied", `Cannot read ${path}: permission denied`, {
    cause: error,
    hint: "make the file readable for the connector's user, and let it lie where the permission " +
      "set in deno.json allows reading",
  });
}

/** In a root of `execution.files`, whose owner is a person. */
export function treeError(error: unknown, path: string): unknown {
  const { code } = error as { code?: string };
  if (code !== "EPERM" && code !== "EROFS" && !isDenied(error)) return diskError(error, path);
  return new StalledError("access_denied", `No permission to look at or change ${path}`, {
    cause: error,
    hint: "let the connector's user read and write in the root of execution.files, and let that " +
      "lie where the permission set in deno.json allows both",
  });
}

/** By the operating system, or by Deno's own permissions. */
function isDenied(error: unknown): boolean {
  return (error as { code?: string }).code === "EACCES" ||
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}

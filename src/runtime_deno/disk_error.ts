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

/** By the operating system, or by Deno's own permissions. */
function isDenied(error: unknown): boolean {
  return (error as { code?: string }).code === "EACCES" ||
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}

/** The permissions that a running program holds, compared with those that it is compiled with. */
import { PERMISSION_SETS, type PermissionSet } from "../agent/version.ts";
import type { PermissionKind, ThisProcess } from "../runtime.ts";

/** Which set the process holds, as far as it can be asked: null for any other. */
export async function permissionSetOf(self: ThisProcess): Promise<"agent" | "cli" | null> {
  for (const name of ["agent", "cli"] as const) {
    if (await holds(self, PERMISSION_SETS[name])) return name;
  }
  return null;
}

async function holds(self: ThisProcess, set: PermissionSet): Promise<boolean> {
  const { read, write, net, env, sys } = set;
  const kinds = { read, write, net, env: env.allow, sys, run: [], ffi: [] };
  for (const [kind, granted] of Object.entries(kinds) as [PermissionKind, Granted][]) {
    if (await self.isGranted(kind) !== (granted === true)) return false;
    for (const value of granted === true ? [] : granted) {
      if (!await self.isGranted(kind, value)) return false;
    }
  }
  return true;
}

type Granted = true | readonly string[];

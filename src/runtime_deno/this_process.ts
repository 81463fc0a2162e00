/** The running program, as Deno knows it. */
import type { PermissionKind, ThisProcess } from "../runtime.ts";

export function thisProcess(): ThisProcess {
  const { build, version } = Deno;
  return {
    deno: version.deno,
    v8: version.v8,
    target: build.target,
    executable: build.standalone ? Deno.execPath() : null,
    async isGranted(kind, value) {
      return (await Deno.permissions.query(descriptorOf(kind, value))).state === "granted";
    },
  };
}

function descriptorOf(kind: PermissionKind, value: string | undefined): Deno.PermissionDescriptor {
  if (value === undefined) return { name: kind };
  switch (kind) {
    case "net":
      return { name: kind, host: value };
    case "env":
      return { name: kind, variable: value };
    case "run":
      return { name: kind, command: value };
    case "sys":
      return { name: kind, kind: value as NonNullable<Deno.SysPermissionDescriptor["kind"]> };
    default:
      return { name: kind, path: value };
  }
}

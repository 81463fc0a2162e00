/** The empty program as a compiled one, on the base that binaries are compiled on here. */
import { proofBase } from "../../release/base.ts";
import { ENTRY } from "../../release/bundle.ts";
import { compile } from "../../release/compile.ts";
import { TARGETS } from "../../release/targets.ts";

export const FLOOR_PROGRAM = "scripts/bench/footprint/floor_program.ts";

export interface CompiledFloor {
  /** Absolute. */
  readonly path: string;
  /** Of Deno. */
  readonly version: string;
}

/** null without a base. @param work absolute; folder for it */
export async function compileFloor(work: string): Promise<CompiledFloor | null> {
  const base = await proofBase(`${Deno.build.arch}-unknown-linux-gnu`);
  if (!base) return null;
  const source = `${work}/floor`;
  await Deno.mkdir(source, { recursive: true });
  await Deno.copyFile(FLOOR_PROGRAM, `${source}/${ENTRY}`);
  const path = `${work}/empty-${base.version}`;
  const [target] = TARGETS;
  await compile(target!, base, { net: true }, source, path);
  return { path, version: base.version };
}

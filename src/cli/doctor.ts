/** `doctor`: what stands in the agent's way, and what to do about it. */
import type { Surroundings } from "../agent/foundation.ts";
import { failed, type Finding } from "../agent/doctor/check.ts";
import { examine } from "../agent/doctor/doctor.ts";
import type { CliIo, ExitCode } from "./io.ts";
import { type Format, formatTable, printResult } from "./output.ts";
import { loadConfig } from "./run.ts";

const HEADINGS = ["CHECK", "RESULT", "DETAIL", "FIX"];

/** 1 when anything failed; warnings are only shown. */
export async function runDoctor(
  configPath: string,
  format: Format,
  surroundings: Pick<Surroundings, "runtime" | "env">,
  io: Pick<CliIo, "print">,
): Promise<ExitCode> {
  const findings = await look(configPath, surroundings);
  const ok = findings.every(({ result }) => result !== "fail");
  printResult(
    io,
    format,
    { ok, checks: findings },
    () => formatTable(HEADINGS, findings.map(toRow)),
  );
  return ok ? 0 : 1;
}

async function look(
  configPath: string,
  surroundings: Pick<Surroundings, "runtime" | "env">,
): Promise<Finding[]> {
  try {
    return await examine(await loadConfig(configPath, surroundings), surroundings);
  } catch (error) {
    return [failed("configuration", error)];
  }
}

function toRow({ check, result, detail, fix }: Finding): string[] {
  return [check, result, detail, fix];
}

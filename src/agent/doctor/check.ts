/** What each check of `doctor` is: a file of its own that asks one thing and changes nothing that stays. */
import type { VaultSession } from "../../adapters/vault.ts";
import type { Config } from "../../config/schema.ts";
import { ConnectorError, describeError } from "../../errors.ts";
import type { SecretMask } from "../../log.ts";
import type { Runtime } from "../../runtime.ts";

/** `warn`: it works, and could be better; `skip`: it was not asked for, or could not be looked at. */
export type Result = "ok" | "warn" | "fail" | "skip";

export interface Finding {
  /** What was looked at, such as `s3 object lock`. */
  readonly check: string;
  readonly result: Result;
  readonly detail: string;
  /** What to do about it; empty when there is nothing to do. */
  readonly fix: string;
}

export interface DoctorParts {
  readonly config: Config;
  readonly runtime: Runtime;
  readonly env: (name: string) => string | undefined;
  readonly mask: SecretMask;
  readonly vault: VaultSession;
}

export interface Check {
  readonly name: string;
  /** What it throws becomes a failure of that name. */
  run(parts: DoctorParts, signal: AbortSignal): Promise<readonly Finding[]>;
}

export function found(check: string, result: Result, detail: string, fix = ""): Finding {
  return { check, result, detail, fix };
}

export function failed(check: string, error: unknown): Finding {
  if (error instanceof ConnectorError) return found(check, "fail", error.message, error.hint ?? "");
  return found(check, "fail", describeError(error));
}

/** Everything that is asked of S3. */
import type { ContractTest } from "../contract.ts";
import { AUDIT_PATH } from "./audit_path.ts";
import { CREATION } from "./creation.ts";
import { LISTING } from "./listing.ts";
import { RETENTION } from "./retention.ts";
import { SETTINGS } from "./settings.ts";
import type { S3Target } from "./target.ts";

export const S3_CONTRACT: readonly ContractTest<S3Target>[] = [
  ...CREATION,
  ...RETENTION,
  ...LISTING,
  ...SETTINGS,
  ...AUDIT_PATH,
];

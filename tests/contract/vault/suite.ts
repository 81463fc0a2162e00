/** Everything that is asked of a Vault. */
import type { ContractTest } from "../contract.ts";
import { IDENTITY } from "./identity.ts";
import { LEASES } from "./leases.ts";
import { LOGIN } from "./login.ts";
import { SECRETS } from "./secrets.ts";
import type { VaultTarget } from "./target.ts";

export const VAULT_CONTRACT: readonly ContractTest<VaultTarget>[] = [
  ...LOGIN,
  ...LEASES,
  ...IDENTITY,
  ...SECRETS,
];

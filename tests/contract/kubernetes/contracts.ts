/** Every subject of the contract. */
import { accessContract } from "./access_contract.ts";
import { clusterContract } from "./cluster_contract.ts";
import { applyContract } from "./apply_contract.ts";
import { definitionContract } from "./definition_contract.ts";
import { deletionContract } from "./deletion_contract.ts";
import { leaseContract } from "./lease_contract.ts";
import { leaseWatchContract } from "./lease_watch_contract.ts";
import { operationContract } from "./operation_contract.ts";
import { ownershipContract } from "./ownership_contract.ts";
import { plannedContract } from "./planned_contract.ts";
import { revertContract } from "./revert_contract.ts";
import { rolloutContract } from "./rollout_contract.ts";
import { scaleContract } from "./scale_contract.ts";
import type { Contract } from "./target.ts";
import { validationContract } from "./validation_contract.ts";
import { watchContract } from "./watch_contract.ts";
import { writingContract } from "./writing_contract.ts";

/** What the API server does. */
export const CONTRACTS: Readonly<Record<string, Contract>> = {
  access: accessContract,
  apply: applyContract,
  ownership: ownershipContract,
  writing: writingContract,
  validation: validationContract,
  deletion: deletionContract,
  leases: leaseContract,
  watches: watchContract,
  scale: scaleContract,
  definitions: definitionContract,
  rollouts: rolloutContract,
};

/** What the connector makes of it. */
export const PRODUCT_CONTRACTS: Readonly<Record<string, Contract>> = {
  cluster: clusterContract,
  "the Lease": leaseWatchContract,
  operations: operationContract,
  "planned changes": plannedContract,
  reverts: revertContract,
};

/** Everything that is shown of packages on an API server. */
import { approvals } from "./approvals.ts";
import { changes } from "./changes.ts";
import { outages } from "./outages.ts";
import { refusals } from "./refusals.ts";
import { rollouts } from "./rollouts.ts";
import { streams } from "./streams.ts";
import { takeovers } from "./takeovers.ts";
import type { ExecutionContract } from "./target.ts";
import { wholes } from "./wholes.ts";

export const EXECUTION_CONTRACT: ExecutionContract = {
  ...wholes,
  ...refusals,
  ...approvals,
  ...changes,
  ...streams,
  ...rollouts,
  ...outages,
  ...takeovers,
};

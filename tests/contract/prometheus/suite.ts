/** Everything that is asked of Prometheus. VictoriaMetrics keeps the first half. */
import type { ContractTest } from "../contract.ts";
import { ANSWERS } from "./answers.ts";
import { REFUSALS } from "./refusals.ts";
import type { PrometheusTarget } from "./target.ts";

export const PROMETHEUS_CONTRACT: readonly ContractTest<PrometheusTarget>[] = [
  ...ANSWERS,
  ...REFUSALS,
];

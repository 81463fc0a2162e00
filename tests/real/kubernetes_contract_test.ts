/** The contract of the Kubernetes API, kept by real servers: what the embedded one is measured by. */
import { CONTRACTS } from "../contract/kubernetes/contracts.ts";
import { runContracts } from "./kubernetes_peers.ts";

runContracts(CONTRACTS);

/** The connector's adapter and operations on real API servers, as on the embedded one. */
import { PRODUCT_CONTRACTS } from "../contract/kubernetes/contracts.ts";
import { runContracts } from "./kubernetes_peers.ts";

runContracts(PRODUCT_CONTRACTS);

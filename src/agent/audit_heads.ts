/** The signed heads of this process's audit log, for its heartbeats. */
import { AuditHeads } from "../adapters/audit_heads.ts";
import { checkpointSigner, type Foundation } from "./foundation.ts";

/** @param chains of all connectors that are known to have acted for the cluster */
export function prepareAuditHeads(
  { runtime: { files }, config, key, audit }: Foundation,
  chains: () => readonly string[],
): AuditHeads {
  return new AuditHeads({
    files,
    directory: `${config.stateDir}/audit`,
    signer: checkpointSigner(key),
    head: () => audit.head,
    chains,
  });
}

/** What of a configuration can be known to be wrong before a running agent is stopped for it. */
import type { Config } from "../config/schema.ts";
import type { Files } from "../runtime.ts";
import { readApprovers, readCa, readConfigured, readPolicy, readSigners } from "./read_files.ts";

/** Reads every file that a start would. Throws ConnectorErrors that name the key. */
export async function rehearse(config: Config, files: Files): Promise<void> {
  const { audit, controlPlane, execution, kubernetes, listener, prometheus, trust, vault } = config;
  await readCa(files, "controlPlane.caFile", controlPlane.caFile);
  await readCa(files, "vault.caFile", vault.caFile);
  await readCa(files, "prometheus.caFile", prometheus?.caFile);
  await readCa(files, "audit.s3.caFile", audit.s3?.caFile);
  if (kubernetes.mode === "kubeconfig") {
    await readConfigured(files, "kubernetes.kubeconfig", kubernetes.kubeconfig);
  }
  if (listener.enabled) {
    await readConfigured(files, "listener.certFile", listener.certFile!);
    await readConfigured(files, "listener.keyFile", listener.keyFile!);
  }
  await readSigners(files, trust.signers);
  await readApprovers(files, execution.approvers);
  await readPolicy(files, execution.policyFile);
}

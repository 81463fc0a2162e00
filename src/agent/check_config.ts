/** Whether the agent could start with a configuration, as far as its files say; asks no peer, writes nothing. */
import { Approvers } from "../core/approver.ts";
import type { Policy } from "../core/policy.ts";
import { describeError, StalledError } from "../errors.ts";
import { deferVerifier } from "../core/verification/deferred.ts";
import { requireSigners } from "../core/verification/threshold.ts";
import type { Config } from "../config/schema.ts";
import type { Http, HttpClientOptions, Runtime } from "../runtime.ts";
import { readClient } from "./client_files.ts";
import { assertNodeIsNamed } from "./node_streaming.ts";
import { assertEnough } from "./execution.ts";
import { readHashKey } from "./label_hash.ts";
import { readApprovers, readCa, readKeyPair, readPolicy, readSigners } from "./read_files.ts";

/** No user of a system; the agent's own counts as one approver where none is configured. */
const SOME_USER = -1;

export interface CheckedConfig {
  readonly clusterName: string;
  readonly kubernetes: Config["kubernetes"]["mode"];
  readonly listener: boolean;
  /** Names of `trust.signers`; nobody else may sign. */
  readonly signers: readonly string[];
  readonly policy: Pick<Policy, "mode"> & { readonly allow: readonly string[] };
}

/**
 * Reads what the agent reads at its start, but for credentials: they are read anew for each use.
 * Throws StalledError `config_invalid`, InvalidInputError `malformed_policy`.
 */
export async function checkConfig(
  config: Config,
  { files, http }: Pick<Runtime, "files" | "http">,
): Promise<CheckedConfig> {
  const { controlPlane, vault, prometheus, remoteWrite, signals, audit, trust, execution } = config;
  const { listener } = config;
  usable(
    http,
    "controlPlane.caFile",
    await readCa(files, "controlPlane.caFile", controlPlane.caFile),
  );
  usable(http, "vault.caFile", await readCa(files, "vault.caFile", vault.caFile));
  for (const [name, section] of Object.entries({ prometheus, remoteWrite })) {
    if (!section) continue;
    const keys = `${name}.caFile, clientCertFile, clientKeyFile and proxy`;
    usable(http, keys, await readClient(files, name, section));
  }
  usable(http, "audit.s3.caFile", await readCa(files, "audit.s3.caFile", audit.s3?.caFile));
  await readHashKey(signals, files);
  assertNodeIsNamed(config);
  if (listener.enabled) {
    usable(http, "listener.certFile and keyFile", await readKeyPair(files, listener));
  }
  const signers = await readSigners(files, trust.signers);
  requireSigners(await deferVerifier(signers), trust.threshold);
  const policy = await readPolicy(files, execution.policyFile);
  assertEnough(
    await Approvers.of(await readApprovers(files, execution.approvers), SOME_USER),
    policy,
  );
  return {
    clusterName: config.clusterName,
    kubernetes: config.kubernetes.mode,
    listener: listener.enabled,
    signers: signers.map(({ name }) => name),
    policy: { mode: policy.mode, allow: policy.allow.map(({ name }) => name) },
  };
}

/** Tried on a client that asks nothing. Throws StalledError `config_invalid`. */
function usable(http: Http, keys: string, options: HttpClientOptions): void {
  try {
    http.client(options).close();
  } catch (cause) {
    throw new StalledError("config_invalid", `${keys}: cannot be used: ${describeError(cause)}`, {
      cause,
      hint: "certificates and keys must be PEM, and a certificate and its key belong together",
    });
  }
}

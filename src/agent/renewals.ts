/**
 * What is renewed on the disk while the agent runs: certificates and authorities, and nothing else. What
 * says who may do what (configuration, policy, signers) waits for a person's word.
 */
import { SERVICE_ACCOUNT_CA } from "../adapters/kubernetes/credentials.ts";
import type { Config } from "../config/schema.ts";
import { ConnectorError, describeError } from "../errors.ts";
import { FileWatch } from "../loops/file_watch.ts";
import type { TlsServer } from "../runtime.ts";
import type { Foundation } from "./foundation.ts";
import { readKeyPair } from "./read_files.ts";
import type { Loop } from "./run_together.ts";

const PART = "listener";

/** A loop by which the listener takes its renewed certificate over; the agent does not stop for that. */
export async function certificateRenewal(
  foundation: Foundation,
): Promise<(server: TlsServer) => Loop> {
  const { config: { listener, clusterName }, runtime, health, log, audit } = foundation;
  const watch = await FileWatch.begin(runtime, [listener.certFile!, listener.keyFile!]);
  return (server) => {
    const takeOver = async () => {
      const about = { actor: "connector", subject: clusterName };
      try {
        await server.renew(await readKeyPair(runtime.files, listener));
        health.report(PART, "ok", "certificate renewed");
        log.log("info", "certificate_renewed");
        await audit.record({ type: "listener.renewed", ...about, data: {} }).catch(() => {});
      } catch (error) {
        if (!(error instanceof ConnectorError)) throw error;
        const reason = describeError(error);
        health.report(PART, "stalled", `serves the certificate from before: ${reason}`);
        log.log("error", "certificate_refused", { reason });
        const data = { code: error.code };
        await audit.record({ type: "listener.renewal_refused", ...about, data }).catch(() => {});
      }
    };
    return (signal) => {
      health.report(PART, "ok", "serves");
      return watch.run(takeOver, signal);
    };
  };
}

export interface AuthorityRenewal {
  readonly run: Loop;
  /** Resolves when an authority's file has changed; a change since the last call counts. */
  next(): Promise<void>;
}

/** Every client stands on them, so the agent is to begin anew. */
export async function authorityRenewal(
  { config, runtime, log }: Foundation,
): Promise<AuthorityRenewal> {
  const watch = await FileWatch.begin(runtime, authoritiesOf(config));
  let changed = Promise.withResolvers<void>();
  const notice = () => {
    log.log("info", "authorities_changed");
    changed.resolve();
  };
  return {
    run: (signal) => watch.run(notice, signal),
    async next() {
      await changed.promise;
      changed = Promise.withResolvers();
    },
  };
}

function authoritiesOf(config: Config): string[] {
  const { controlPlane, vault, prometheus, remoteWrite, audit, kubernetes } = config;
  return [
    controlPlane.caFile,
    vault.caFile,
    prometheus?.caFile,
    remoteWrite?.caFile,
    remoteWrite?.clientCertFile,
    remoteWrite?.clientKeyFile,
    audit.s3?.caFile,
    kubernetes.mode === "inCluster" ? SERVICE_ACCOUNT_CA : undefined,
  ].filter((path) => path !== undefined);
}

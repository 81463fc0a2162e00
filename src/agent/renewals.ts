/**
 * What is renewed on the disk while the agent runs: certificates and authorities, and nothing else. What
 * says who may do what (configuration, policy, signers) waits for a person's word.
 */
import { SERVICE_ACCOUNT_CA } from "../adapters/kubernetes/credentials.ts";
import type { Peer } from "../adapters/peer.ts";
import type { Config } from "../config/schema.ts";
import { ConnectorError, describeError } from "../errors.ts";
import { FileWatch } from "../loops/file_watch.ts";
import type { TlsServer } from "../runtime.ts";
import { type ClientSection, readClient, renewedFiles } from "./client_files.ts";
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

/**
 * A loop by which a peer's calls go on with a renewed client certificate; nothing else stops for that.
 * @param section of the configuration, for messages: `prometheus`
 */
export async function clientRenewal(
  { config: { clusterName }, runtime, mask, health, log, audit }: Foundation,
  section: string,
  keys: ClientSection,
): Promise<(peer: Pick<Peer, "renew">) => Loop> {
  const watch = await FileWatch.begin(runtime, renewedFiles(keys));
  return (peer) => {
    const takeUp = async () => {
      const about = { actor: "connector", subject: clusterName };
      try {
        peer.renew(await readClient(runtime.files, section, keys, mask));
        if (health.get(section)) health.report(section, "ok", "client certificate renewed");
        log.log("info", "client_renewed", { section });
        await audit.record({ type: "client.renewed", ...about, data: { section } }).catch(() => {});
      } catch (error) {
        if (!(error instanceof ConnectorError)) throw error;
        const reason = describeError(error);
        health.report(
          section,
          "stalled",
          `goes on with the client certificate from before: ${reason}`,
        );
        log.log("error", "client_refused", { section, reason });
        const data = { section, code: error.code };
        await audit.record({ type: "client.renewal_refused", ...about, data }).catch(() => {});
      }
    };
    return (signal) => watch.run(takeUp, signal);
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
    audit.s3?.caFile,
    kubernetes.mode === "inCluster" ? SERVICE_ACCOUNT_CA : undefined,
  ].filter((path) => path !== undefined);
}

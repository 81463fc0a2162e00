/** The connector's standing with Vault and the control plane. */
import { ControlPlane } from "../adapters/control_plane.ts";
import { Peer } from "../adapters/peer.ts";
import { RegistrationFile } from "../adapters/registration_file.ts";
import type { VaultSession } from "../adapters/vault.ts";
import type { RegisterRequest } from "../core/protocol.ts";
import { Session } from "../core/session.ts";
import { RegistrationLoop, type RegistrationPorts } from "../loops/registration.ts";
import type { Foundation } from "./foundation.ts";
import { readCa } from "./read_files.ts";
import { machineUid } from "./machine.ts";
import type { KubernetesSide } from "./kubernetes.ts";
import { openVaultSession } from "./vault_session.ts";
import { VERSION } from "./version.ts";

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** A standing with the control plane: a token, how it is got, and what can be called with it. */
export interface Standing {
  readonly session: Session;
  readonly controlPlane: ControlPlane;
  readonly registration: RegistrationLoop;
}

export interface Control extends Standing {
  readonly vault: VaultSession;
  /** One that is good for the node's signals and heartbeat only, and leaves the cluster's as it is. */
  asCollector(node: string): Standing;
  close(): void;
}

/** What all that collectors do at the same time is spread over: a window, or less where windows are long. */
const MAX_SPREAD_MS = 60_000;

export async function connectControl(
  foundation: Foundation,
  kubernetes: KubernetesSide | null,
): Promise<Control> {
  const { config, runtime, mask, metrics, health, log, audit, key } = foundation;
  const { files, clock, random } = runtime;
  const vault = await openVaultSession(config.vault, foundation);
  const peer = new Peer(runtime, {
    name: "control plane",
    section: "controlPlane",
    baseUrl: config.controlPlane.url,
    timeoutMs: config.controlPlane.timeout,
    maxResponseBytes: MAX_ANSWER_BYTES,
    ...await readCa(files, "controlPlane.caFile", config.controlPlane.caFile),
    ...(config.controlPlane.proxy === undefined ? {} : { proxy: config.controlPlane.proxy }),
  });
  const standAs = (changes: Partial<RegistrationPorts>, fileName?: string): Standing => {
    const session = new Session(() => clock.monotonic());
    const controlPlane = new ControlPlane(peer, session);
    const registration = new RegistrationLoop({
      clock,
      random,
      health,
      logger: log,
      metrics,
      audit,
      identity: vault,
      api: {
        async register(request, signal) {
          const answer = await controlPlane.register(request, signal);
          mask.add(answer.accessToken);
          return answer;
        },
      },
      store: new RegistrationFile(files, config.stateDir, fileName),
      session,
      key,
      audience: config.controlPlane.url,
      cluster: () => describeCluster(foundation, kubernetes),
      ...changes,
    });
    return { session, controlPlane, registration };
  };
  return {
    vault,
    ...standAs({}),
    asCollector: (node) =>
      standAs({
        collector: { node },
        part: "node-registration",
        metrics: { registrations: metrics.nodeRegistrations },
        spreadMs: Math.min(config.signals.window, MAX_SPREAD_MS),
      }, "collector.json"),
    close() {
      vault.close();
      peer.close();
    },
  };
}

async function describeCluster(
  { config, hostname, runtime }: Foundation,
  kubernetes: KubernetesSide | null,
): Promise<RegisterRequest["cluster"]> {
  const facts = await kubernetes?.facts();
  const hasRoots = config.execution.files.roots.length > 0;
  return {
    name: config.clusterName,
    uid: facts?.uid ?? await machineUid(runtime.files),
    kind: facts ? "kubernetes" : "edge",
    hostname,
    labels: { ...config.labels },
    versions: { connector: VERSION, ...(facts ? { kubernetes: facts.version } : {}) },
    capabilities: [
      ...(config.prometheus ? ["signals"] : []),
      ...(facts || hasRoots ? ["execute"] : []),
      ...(hasRoots ? ["files"] : []),
      ...(config.listener.enabled ? ["push"] : []),
      ...(config.commands.enabled ? ["commands"] : []),
      ...(config.audit.s3 ? ["audit-s3"] : []),
    ],
  };
}

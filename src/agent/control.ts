/** The connector's standing with Vault and the control plane. */
import { ControlPlane } from "../adapters/control_plane.ts";
import { Peer } from "../adapters/peer.ts";
import { RegistrationFile } from "../adapters/registration_file.ts";
import type { VaultSession } from "../adapters/vault.ts";
import type { RegisterRequest } from "../core/protocol.ts";
import { Session } from "../core/session.ts";
import { RegistrationLoop } from "../loops/registration.ts";
import type { Foundation } from "./foundation.ts";
import { readCa } from "./read_files.ts";
import { machineUid } from "./machine.ts";
import type { KubernetesSide } from "./kubernetes.ts";
import { openVaultSession } from "./vault_session.ts";
import { VERSION } from "./version.ts";

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

export interface Control {
  readonly vault: VaultSession;
  readonly session: Session;
  readonly controlPlane: ControlPlane;
  readonly registration: RegistrationLoop;
  close(): void;
}

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
    store: new RegistrationFile(files, config.stateDir),
    session,
    key,
    audience: config.controlPlane.url,
    cluster: () => describeCluster(foundation, kubernetes),
  });
  return {
    vault,
    session,
    controlPlane,
    registration,
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

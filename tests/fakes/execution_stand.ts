/** The execution side as the agent wires it, against a Kubernetes API and a real disk. */
import { openAuditLog } from "../../src/adapters/audit_open.ts";
import { followDirectory } from "../../src/adapters/audit_recovery.ts";
import { RootedFiles } from "../../src/adapters/host_files.ts";
import { FileJournal } from "../../src/adapters/journal_file.ts";
import { loadOrCreateKey } from "../../src/adapters/key_file.ts";
import { KubernetesApi } from "../../src/adapters/kubernetes/api.ts";
import { KubernetesCluster } from "../../src/adapters/kubernetes/cluster.ts";
import { loadCredentials } from "../../src/adapters/kubernetes/credentials.ts";
import type { JournalApi } from "../../src/adapters/kubernetes/journal/store.ts";
import { ReceiptFolder } from "../../src/adapters/receipt_folder.ts";
import { type ApproverEntry, Approvers } from "../../src/core/approver.ts";
import { checkpointOrigin } from "../../src/core/audit/checkpoint.ts";
import type { AuditRecord } from "../../src/core/audit/record.ts";
import type { ConnectorJwk } from "../../src/core/connector_key.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import type { ExecutionRecord } from "../../src/core/execution.ts";
import { HealthBoard } from "../../src/core/health.ts";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import { parsePolicy } from "../../src/core/policy.ts";
import { type ExecutionState, ReceiptPayload } from "../../src/core/protocol.ts";
import { requireSigners } from "../../src/core/verification/threshold.ts";
import { createVerifier } from "../../src/core/verification/verify.ts";
import { verifyOnce } from "../../src/core/verification/verify_once.ts";
import { type EmbeddedKubernetes, startKubernetes } from "../../src/embedded/kubernetes/server.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { createKeySigner, type KeySigner } from "../../src/embedded/signer.ts";
import { Approvals } from "../../src/execution/approvals.ts";
import { ExecutionBook } from "../../src/execution/book.ts";
import type { Cluster } from "../../src/execution/cluster.ts";
import { Engine } from "../../src/execution/engine.ts";
import { withHostFiles } from "../../src/execution/host_cluster.ts";
import type { HostFiles } from "../../src/execution/host_files.ts";
import { Intake } from "../../src/execution/intake.ts";
import type { Journal } from "../../src/execution/journal.ts";
import { ReceiptIssuer } from "../../src/execution/receipt_issuer.ts";
import { alwaysLeader, type Leadership } from "../../src/execution/leadership.ts";
import type { UndeliveredReceipt } from "../../src/loops/receipts.ts";
import { type JsonLogger, SecretMask } from "../../src/log.ts";
import { createMetrics, type Metrics } from "../../src/metrics.ts";
import type { Clock, Files, Runtime } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { journalOn } from "./kubernetes_journal.ts";

export const CLUSTER_ID = "c-test";
/** Of whoever runs the tests: alice. */
export const OWN_UID = await ownUid();
export const FIELD_MANAGER = "neuralops-connector";
export const MANUAL_POLICY = `
apiVersion: neuralops.io/v1
kind: ExecutionPolicy
allow:
  - name: shop
    namespaces: [shop*]
    kinds: [apps/v1/Deployment, v1/ConfigMap, v1/Secret, v1/Service]
    actions: [apply, scale, restart, delete]
`;
export const AUTO_POLICY = `${MANUAL_POLICY}mode: auto\nauto: { maxRisk: low }\n`;

/** What a stand needs to stand on; the API server may be any. */
export interface StandGround {
  readonly directory: string;
  readonly runtime: Runtime;
  readonly kubernetes: Pick<EmbeddedKubernetes, "kubeconfig">;
  readonly signer: KeySigner;
}

/** The part that outlives a killed process: peers and disk. */
export interface Ground extends StandGround {
  readonly kubernetes: EmbeddedKubernetes;
  close(): Promise<void>;
}

export async function layGround(
  times: { rolloutMs?: number; progressDeadlineMs?: number } = {},
): Promise<Ground> {
  const system = systemRuntime();
  // Without jitter a retry comes at once.
  const runtime = { ...system, random: { ...system.random, fraction: () => 0 } };
  const directory = `./reports/test/${crypto.randomUUID()}`;
  const pki = await createPki();
  const kubernetes = await startKubernetes({
    pki,
    clock: runtime.clock,
    rolloutMs: 20,
    ...times,
  });
  addNamespace(kubernetes, "shop");
  return {
    directory,
    runtime,
    kubernetes,
    signer: await createKeySigner(),
    async close() {
      await kubernetes.close();
      await Deno.remove(directory, { recursive: true }).catch(() => {});
    },
  };
}

export function addNamespace(kubernetes: EmbeddedKubernetes, name: string): void {
  kubernetes.store.put(
    { apiVersion: "v1", kind: "Namespace", metadata: { name } } as KubeObject,
    "kubectl",
  );
}

export interface StandOptions {
  readonly policy?: string;
  /** The state directory; the ground's unless several processes stand on one ground. */
  readonly directory?: string;
  readonly files?: Files;
  readonly clock?: Clock;
  readonly wrapCluster?: (cluster: Cluster) => Cluster;
  readonly leadership?: Leadership;
  /** Keeps the journal in this namespace of the cluster, as the agent of that name. */
  readonly shared?: {
    readonly namespace: string;
    readonly identity: string;
    readonly wrapApi?: (api: JournalApi) => JournalApi;
  };
  readonly isRegistered?: () => boolean;
  readonly maxOpen?: number;
  readonly maxParallel?: number;
  /** None unless given. */
  readonly hostFiles?: HostFiles;
  /** Besides the three users. */
  readonly approvers?: readonly ApproverEntry[];
}

/** One process's life on that ground. */
export class Stand {
  readonly #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #killed: Promise<void> | null = null;

  private constructor(
    readonly book: ExecutionBook,
    readonly intake: Intake,
    readonly approvals: Approvals,
    readonly approvers: Approvers,
    readonly journal: Journal,
    readonly receipts: ReceiptFolder,
    readonly metrics: Metrics,
    readonly health: HealthBoard,
    readonly directory: string,
    readonly publicKey: ConnectorJwk,
    private readonly engine: Engine,
    private readonly closeAll: () => Promise<void>,
  ) {}

  static async open(ground: StandGround, options: StandOptions = {}): Promise<Stand> {
    const { random } = ground.runtime;
    const clock = options.clock ?? ground.runtime.clock;
    const files = options.files ?? ground.runtime.files;
    const directory = options.directory ?? ground.directory;
    const runtime = { ...ground.runtime, clock, files };
    const health = new HealthBoard(() => clock.now());
    const metrics = createMetrics();
    const log: Pick<JsonLogger, "log" | "child"> = { log: () => {}, child: () => log as never };
    const key = await loadOrCreateKey(files, directory);
    const audit = await openAuditLog({
      files,
      clock,
      log,
      metrics,
      health,
      directory: `${directory}/audit`,
      signer: {
        name: checkpointOrigin(key.publicKey),
        publicKey: key.publicKey,
        sign: (bytes) => key.sign(new Uint8Array(bytes)),
      },
    });
    const kubeconfig = `${directory}/kubeconfig`;
    await Deno.writeTextFile(kubeconfig, ground.kubernetes.kubeconfig());
    const api = new KubernetesApi(
      runtime,
      await loadCredentials(
        { mode: "kubeconfig", kubeconfig },
        { files: ground.runtime.files, clock, mask: new SecretMask(), env: () => undefined },
      ),
    );
    const closeAll = async () => {
      await audit.close();
      api.close();
    };
    const hostFiles = options.hostFiles ?? new RootedFiles(runtime.tree, [], 0);
    const cluster = withHostFiles(
      (options.wrapCluster ?? ((same) => same))(new KubernetesCluster(api, FIELD_MANAGER)),
      hostFiles,
    );
    const release = {
      kind: "key",
      name: "release",
      publicKeyPem: ground.signer.publicKeyPem,
      transparencyLog: "optional",
    } as const;
    const verifier = requireSigners(verifyOnce(createVerifier([release])), 1);
    const users = ["alice", "bob", "carol"].map((name, index) => ({
      kind: "user" as const,
      name,
      uid: OWN_UID + index,
    }));
    const approvers = await Approvers.of([...users, ...options.approvers ?? []], OWN_UID);
    const policy = parsePolicy(options.policy ?? MANUAL_POLICY);
    const receipts = new ReceiptFolder(files, directory);
    const issuer = new ReceiptIssuer(receipts, key);
    const leadership = options.leadership ?? alwaysLeader;
    const { shared: place } = options;
    const { journal, key: journalKey } = place
      ? journalOn((place.wrapApi ?? ((same) => same))(api), { ...place, leadership })
      : { journal: new FileJournal(files, `${directory}/executions`, key), key };
    const auditLog = checkpointOrigin(key.publicKey);
    const book = new ExecutionBook({
      journal,
      audit,
      receipts: issuer,
      key: journalKey,
      auditLog,
      clock,
      log,
      metrics,
    });
    const identity = () => ({ clusterId: CLUSTER_ID, labels: { env: "test" } });
    const shared = { book, verifier, policy: () => policy, clock, log };
    const intake = new Intake({
      ...shared,
      leadership,
      cluster: () => (options.isRegistered?.() ?? true) ? identity() : null,
      audit,
      receipts: issuer,
      maxOpen: options.maxOpen ?? 10,
      onAllowed: (record, pack) => engine.planAhead(record, pack),
      metrics,
    });
    const engine: Engine = new Engine({
      ...shared,
      cluster,
      hostFiles,
      identity,
      fieldManager: FIELD_MANAGER,
      maskSalt: "test",
      maxParallel: options.maxParallel ?? 4,
      leadership,
      approvers,
      key: journalKey,
      random,
      health,
    });
    try {
      await book.open();
    } catch (error) {
      await closeAll();
      throw error;
    }
    const approvals = new Approvals({
      book,
      approvers,
      policy: () => policy,
      key: journalKey,
      clock,
      random,
      leadership,
    });
    return new Stand(
      book,
      intake,
      approvals,
      approvers,
      journal,
      receipts,
      metrics,
      health,
      directory,
      key.jwk,
      engine,
      closeAll,
    );
  }

  /** Hands every receipt in the outbox to `send`, as the receipts loop does. */
  async deliverReceipts(send: (receipt: UndeliveredReceipt) => void): Promise<void> {
    for (const receipt of await this.receipts.undelivered()) {
      send(receipt);
      await this.book.noteReceipt(receipt.executionId, receipt.key);
      await this.receipts.markDelivered(receipt.key);
    }
  }

  /** Approvers of every stand, as the kernel knows them. */
  get people() {
    const [alice, bob, carol] = [0, 1, 2].map((index) => this.approvers.byUser(OWN_UID + index));
    return { alice: alice!, bob: bob!, carol: carol! };
  }

  start(): this {
    this.#running = this.engine.run(this.#abort.signal);
    return this;
  }

  /** Resolves with the record once it is in one of these states. */
  async until(id: string, ...states: ExecutionState[]): Promise<ExecutionRecord> {
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = this.book.onMove(resolve);
      try {
        const record = await this.book.get(id);
        if (states.includes(record.state)) return record;
        await promise;
      } finally {
        stop();
      }
    }
  }

  /** As a crash would leave it: nothing is finished, only the handles are closed. */
  kill(): Promise<void> {
    return this.#killed ??= this.#kill();
  }

  async #kill(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    await this.closeAll();
  }
}

let sequence = 0;

export interface PackageParts {
  actions: string;
  stream?: string;
  sequence?: number;
  target?: string;
  notBefore?: number;
  expiresAt?: number;
  risk?: string;
  timeout?: string;
  onFailure?: string;
}

/** A package's bytes; valid for this cluster for an hour unless told otherwise. */
export function packageOf(parts: PackageParts): Uint8Array<ArrayBuffer> {
  const now = Date.now();
  const iso = (ms: number) => new Date(ms).toISOString();
  return encodeUtf8(`apiVersion: neuralops.io/v1
kind: WorkPackage
metadata: { name: test, stream: ${parts.stream ?? "test"}, sequence: ${
    parts.sequence ?? ++sequence
  } }
spec:
  target: ${parts.target ?? `{ clusterIds: [${CLUSTER_ID}] }`}
  notBefore: ${iso(parts.notBefore ?? now - 60_000)}
  expiresAt: ${iso(parts.expiresAt ?? now + 3_600_000)}
  risk: ${parts.risk ?? "low"}
  reason: test
  actions:
${parts.actions}
  wait: { timeout: ${parts.timeout ?? "10s"} }
  onFailure: ${parts.onFailure ?? "rollback"}
`);
}

/** An apply action with this manifest, indented as the package wants it. */
export function applyAction(manifest: string): string {
  const lines = manifest.trim().split("\n").map((line) => `          ${line}`).join("\n");
  return `    - apply:\n        manifest: |\n${lines}`;
}

export function deployment(name: string, image: string, replicas = 2, namespace = "shop"): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: "${image}" }] }`;
}

export function deploymentRef(name: string, namespace = "shop"): string {
  return `{ apiVersion: apps/v1, kind: Deployment, namespace: ${namespace}, name: ${name} }`;
}

export function configMap(name: string, data: Record<string, string>, namespace = "shop"): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: ${namespace} }
data: ${JSON.stringify(data)}`;
}

/** Every record of the audit log, oldest first. */
export async function readAudit(directory: string): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  await followDirectory(systemRuntime().files, `${directory}/audit`, null, (record) => {
    records.push(record);
  });
  return records;
}

/** Every record of the journal, newest first. */
export async function recordsOf({ book }: Stand): Promise<readonly ExecutionRecord[]> {
  return (await book.list({ limit: 1000 })).records;
}

/** What the receipts in the outbox say, in its order. */
export async function readReceipts(stand: Stand): Promise<ReceiptPayload[]> {
  const waiting = await stand.receipts.undelivered();
  return waiting.map(payloadOf);
}

export function payloadOf({ jws }: Pick<UndeliveredReceipt, "jws">): ReceiptPayload {
  const [, payload] = jws.split(".");
  const bytes = Uint8Array.fromBase64(payload!, { alphabet: "base64url" });
  return ReceiptPayload.parse(JSON.parse(new TextDecoder().decode(bytes)));
}

export async function send(
  stand: Stand,
  ground: Pick<StandGround, "signer">,
  bytes: Uint8Array,
) {
  const bundle = ground.signer.sign(bytes) as unknown as Record<string, unknown>;
  return await stand.intake.receive({ payload: bytes, bundles: [bundle], source: "push" });
}

async function ownUid(): Promise<number> {
  const path = `./reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(path, { recursive: true });
  const { uid } = await Deno.lstat(path);
  await Deno.remove(path);
  return uid!;
}

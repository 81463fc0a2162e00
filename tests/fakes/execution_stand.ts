/** The execution side as the agent wires it, against the embedded Kubernetes API and a real disk. */
import { openAuditLog } from "../../src/adapters/audit_file.ts";
import { FileJournal } from "../../src/adapters/journal_file.ts";
import { loadOrCreateKey } from "../../src/adapters/key_file.ts";
import { KubernetesApi } from "../../src/adapters/kubernetes/api.ts";
import { KubernetesCluster } from "../../src/adapters/kubernetes/cluster.ts";
import { loadCredentials } from "../../src/adapters/kubernetes/credentials.ts";
import { ReceiptFolder } from "../../src/adapters/receipt_folder.ts";
import { checkpointOrigin } from "../../src/core/audit/checkpoint.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import type { ExecutionRecord } from "../../src/core/execution.ts";
import { HealthBoard } from "../../src/core/health.ts";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import { parsePolicy } from "../../src/core/policy.ts";
import type { ExecutionState } from "../../src/core/protocol.ts";
import { createVerifier } from "../../src/core/verification/verify.ts";
import { type EmbeddedKubernetes, startKubernetes } from "../../src/embedded/kubernetes/server.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { createKeySigner, type KeySigner } from "../../src/embedded/signer.ts";
import { Approvals } from "../../src/execution/approvals.ts";
import { ExecutionBook } from "../../src/execution/book.ts";
import type { Cluster } from "../../src/execution/cluster.ts";
import { Engine } from "../../src/execution/engine.ts";
import { Intake } from "../../src/execution/intake.ts";
import { ReceiptIssuer } from "../../src/execution/receipt_issuer.ts";
import { type JsonLogger, SecretMask } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics.ts";
import type { Files, Runtime } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";

export const CLUSTER_ID = "c-test";
export const MANUAL_POLICY = `
apiVersion: neuralops.io/v1
kind: ExecutionPolicy
allow:
  - name: shop
    namespaces: [shop]
    kinds: [apps/v1/Deployment, v1/ConfigMap, v1/Secret]
    actions: [apply, scale, restart, delete]
`;
export const AUTO_POLICY = `${MANUAL_POLICY}mode: auto\nauto: { maxRisk: low }\n`;

/** The part that outlives a killed process: peers and disk. */
export interface Ground {
  readonly directory: string;
  readonly runtime: Runtime;
  readonly kubernetes: EmbeddedKubernetes;
  readonly signer: KeySigner;
  close(): Promise<void>;
}

export async function layGround(): Promise<Ground> {
  const runtime = systemRuntime();
  const directory = `./reports/test/${crypto.randomUUID()}`;
  const pki = await createPki();
  const kubernetes = await startKubernetes({ pki, clock: runtime.clock, rolloutMs: 20 });
  kubernetes.store.put(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } } as KubeObject,
    "kubectl",
  );
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

/** One process's life on that ground. */
export class Stand {
  readonly #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();

  private constructor(
    readonly book: ExecutionBook,
    readonly intake: Intake,
    readonly approvals: Approvals,
    readonly receipts: ReceiptFolder,
    private readonly engine: Engine,
    private readonly closeAll: () => Promise<void>,
  ) {}

  static async open(
    ground: Ground,
    options: {
      policy?: string;
      files?: Files;
      wrapCluster?: (cluster: Cluster) => Cluster;
    } = {},
  ): Promise<Stand> {
    const { clock, random } = ground.runtime;
    const files = options.files ?? ground.runtime.files;
    const runtime = { ...ground.runtime, files };
    const health = new HealthBoard(() => clock.now());
    const metrics = createMetrics();
    const log: Pick<JsonLogger, "log" | "child"> = { log: () => {}, child: () => log as never };
    const key = await loadOrCreateKey(files, ground.directory);
    const audit = await openAuditLog({
      files,
      clock,
      log,
      metrics,
      health,
      directory: `${ground.directory}/audit`,
      signer: {
        name: checkpointOrigin(key.publicKey),
        publicKey: key.publicKey,
        sign: (bytes) => key.sign(new Uint8Array(bytes)),
      },
    });
    await files.ensureDirectory(ground.directory);
    await files.replaceDurably(
      `${ground.directory}/kubeconfig`,
      encodeUtf8(ground.kubernetes.kubeconfig()),
    );
    const api = new KubernetesApi(
      runtime,
      await loadCredentials(
        { mode: "kubeconfig", kubeconfig: `${ground.directory}/kubeconfig` },
        { files, clock, mask: new SecretMask(), env: () => undefined },
      ),
    );
    const cluster = (options.wrapCluster ?? ((same) => same))(
      new KubernetesCluster(api, "neuralops-connector"),
    );
    const verifier = createVerifier([{
      kind: "key",
      name: "release",
      publicKeyPem: ground.signer.publicKeyPem,
      transparencyLog: "optional",
    }]);
    const policy = parsePolicy(options.policy ?? MANUAL_POLICY);
    const receipts = new ReceiptFolder(files, ground.directory);
    const issuer = new ReceiptIssuer(receipts, key, () => CLUSTER_ID);
    const journal = new FileJournal(files, `${ground.directory}/executions`);
    const book = new ExecutionBook({ journal, audit, receipts: issuer, clock, log, metrics });
    const identity = () => ({ clusterId: CLUSTER_ID, labels: { env: "test" } });
    const shared = { book, verifier, policy: () => policy, clock, log };
    const intake = new Intake({
      ...shared,
      cluster: identity,
      audit,
      receipts: issuer,
      maxOpen: 10,
      metrics,
    });
    const engine = new Engine({
      ...shared,
      cluster,
      identity,
      fieldManager: "neuralops-connector",
      leadership: { isLeader: () => true },
      random,
      health,
    });
    await book.open();
    return new Stand(book, intake, new Approvals(book, key, clock), receipts, engine, async () => {
      await audit.close();
      api.close();
    });
  }

  start(): this {
    this.#running = this.engine.run(this.#abort.signal);
    return this;
  }

  /** Resolves with the record once it is in one of these states. */
  async until(id: string, ...states: ExecutionState[]): Promise<ExecutionRecord> {
    for (;;) {
      const record = this.book.get(id);
      if (states.includes(record.state)) return record;
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = this.book.onMove(resolve);
      await promise;
      stop();
    }
  }

  /** As a crash would leave it: nothing is finished, only the handles are closed. */
  async kill(): Promise<void> {
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

export function deployment(name: string, image: string, replicas = 2): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: "${image}" }] }`;
}

export function deploymentRef(name: string): string {
  return `{ apiVersion: apps/v1, kind: Deployment, namespace: shop, name: ${name} }`;
}

export async function send(stand: Stand, ground: Ground, bytes: Uint8Array) {
  const bundle = ground.signer.sign(bytes) as unknown as Record<string, unknown>;
  return await stand.intake.receive({ payload: bytes, bundle, source: "push" });
}

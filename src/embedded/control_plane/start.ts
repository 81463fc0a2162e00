/** The NeuralOps control plane for `simulate` and the tests: the whole protocol, over TLS, in memory. */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { RegisterResponse } from "../../core/protocol.ts";
import type { Clock } from "../../runtime.ts";
import type { Pki } from "../pki.ts";
import { serveTls, type TlsServer } from "../serve.ts";
import { AuditWatch } from "./audit_watch.ts";
import { CommandQueue } from "./command_queue.ts";
import { HeartbeatLog, type StoredHeartbeat } from "./heartbeat_log.ts";
import { parseJson, Refusal } from "./problem.ts";
import { ReceiptBook, type StoredReceipt } from "./receipt_book.ts";
import { type IdentityTrust, Registrar, type StoredRegistration } from "./registrar.ts";
import { SignalStore } from "./signal_store.ts";
import { type Access, AccessTokens, createSigningKey, signToken } from "./tokens.ts";

export interface ControlPlaneStartOptions {
  readonly pki: Pki;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly identity: IdentityTrust;
  readonly accessLifetimeSeconds?: number;
  readonly heartbeatSeconds?: number;
  /** In real time: how often an idle command stream says that it lives. */
  readonly keepAliveMs?: number;
}

export interface OrchestratorTokenOptions {
  /** The cluster's id. */
  readonly audience: string;
  readonly lifetimeSeconds?: number;
  readonly issuer?: string;
}

export interface EmbeddedControlPlane {
  readonly server: TlsServer;
  readonly url: string;
  readonly registrations: readonly StoredRegistration[];
  /** Of nodes, which send signals besides whoever stands for the cluster. */
  readonly collectors: readonly StoredRegistration[];
  readonly signals: SignalStore;
  /** Of the cluster. */
  readonly heartbeats: readonly StoredHeartbeat[];
  /** The newest checkpoint of each audit chain, and what was wrong with others. */
  readonly audit: AuditWatch;
  readonly nodeHeartbeats: readonly StoredHeartbeat[];
  readonly receipts: readonly StoredReceipt[];
  readonly receiptBook: ReceiptBook;
  readonly commands: CommandQueue;
  /** While true, GET /commands answers long polls only. */
  refuseStreaming: boolean;
  /** Queues a command for the outbound channel; returns its id. */
  enqueueCommand(command: { type: string; data: unknown }): string;
  /** For POST /execute; signed with the key in the JWKS that registration hands out. */
  orchestratorToken(options: OrchestratorTokenOptions): Promise<string>;
  /** What clients know it by, when something stands before it. */
  advertise(address: string): void;
  /** Every access token ends now. */
  revokeTokens(): Promise<void>;
  /** Resolves once `condition` holds; it is asked again after every request. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_WAIT_MS = 60_000;
/** Everything else is for whoever stands for the cluster. */
const OPEN_TO_COLLECTORS = new Set(["POST /signals", "PUT /healthz"]);

type Env = { Variables: { access: Access } };

export async function startControlPlane(
  options: ControlPlaneStartOptions,
): Promise<EmbeddedControlPlane> {
  const { clock, identity, accessLifetimeSeconds = 3600, heartbeatSeconds = 30 } = options;
  const orchestratorKey = await createSigningKey("orchestrator-1");
  let url = "";
  const tokens = await AccessTokens.create(clock, () => url);
  const registrar = new Registrar(clock, identity, () => url);
  const signals = new SignalStore();
  const auditWatch = new AuditWatch(
    clock,
    (clusterId, chain) => registrar.chainKey(clusterId, chain),
  );
  const heartbeatLog = new HeartbeatLog(clock, auditWatch);
  const receiptBook = new ReceiptBook((clusterId, keyId) => registrar.publicKey(clusterId, keyId));
  const commands = new CommandQueue(options.keepAliveMs ?? 15_000);
  const watchers = new Set<() => void>();

  const app = new Hono<Env>();
  app.onError((error) => {
    if (error instanceof Refusal) return error.toResponse();
    return new Refusal(500, "internal", "the control plane failed").toResponse();
  });
  app.notFound(() => new Refusal(404, "not_found", "no such resource").toResponse());
  app.use(bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: () => new Refusal(413, "too_large", "the body is too large").toResponse(),
  }));

  app.post("/register", async (context) => {
    const registration = await registrar.register(parseJson(await context.req.text()));
    const answer: RegisterResponse = {
      clusterId: registration.clusterId,
      accessToken: await tokens.issue(
        registration.clusterId,
        accessLifetimeSeconds,
        registration.request.collector?.node ?? null,
      ),
      expiresInSeconds: accessLifetimeSeconds,
      orchestrator: { issuer: `${url}/orchestrator`, jwks: { keys: [{ ...orchestratorKey.jwk }] } },
      intervals: { heartbeatSeconds },
    };
    return context.json(answer);
  });

  app.use(async (context, next) => {
    const access = await tokens.check(context.req.header("authorization"));
    const { method, path } = context.req;
    if (access.node !== null && !OPEN_TO_COLLECTORS.has(`${method} ${path}`)) {
      throw new Refusal(403, "access_denied", `a collector may not ${method} ${path}`);
    }
    context.set("access", access);
    await next();
  });
  app.post("/signals", async (context) => {
    const body = new Uint8Array(await context.req.arrayBuffer());
    signals.accept(context.get("access"), context.req.raw.headers, body);
    return context.body(null, 204);
  });
  app.put("/healthz", async (context) => {
    heartbeatLog.accept(context.get("access"), parseJson(await context.req.text()));
    return context.body(null, 204);
  });
  app.post("/executions/:id/receipts", async (context) => {
    const { clusterId } = context.get("access");
    const body = parseJson(await context.req.text());
    await receiptBook.accept(clusterId, context.req.param("id"), body);
    return context.body(null, 204);
  });
  app.get("/commands", async (context) => {
    if (context.req.header("accept") === "text/event-stream") {
      if (controlPlane.refuseStreaming) {
        throw new Refusal(406, "not_acceptable", "event streams are not available here");
      }
      return commands.stream(context.req.header("last-event-id") ?? null);
    }
    const waitMs = Math.min(Number(context.req.query("wait") ?? 0) * 1000, MAX_WAIT_MS);
    const after = context.req.query("after") ?? null;
    return context.json({ commands: await commands.page(after, waitMs, context.req.raw.signal) });
  });

  const server = await serveTls(options.pki, "embedded control plane", async (request) => {
    const response = await app.fetch(request);
    for (const check of watchers) check();
    return response;
  });
  url = server.url;

  const controlPlane: EmbeddedControlPlane = {
    server,
    url,
    registrations: registrar.registrations,
    collectors: registrar.collectors,
    signals,
    heartbeats: heartbeatLog.heartbeats,
    audit: auditWatch,
    nodeHeartbeats: heartbeatLog.ofNodes,
    receipts: receiptBook.receipts,
    receiptBook,
    commands,
    refuseStreaming: false,
    enqueueCommand: ({ type, data }) => commands.add(type, data),
    orchestratorToken: ({ audience, lifetimeSeconds = 300, issuer = `${url}/orchestrator` }) =>
      signToken(
        orchestratorKey,
        { issuer, audience, subject: "orchestrator", lifetimeSeconds },
        clock.now(),
      ),
    advertise: (address) => void (url = address),
    revokeTokens: () => tokens.revokeAll(),
    until: (condition) =>
      new Promise((resolve) => {
        const check = () => {
          if (!condition()) return;
          watchers.delete(check);
          resolve();
        };
        watchers.add(check);
        check();
      }),
    async close() {
      commands.close();
      await server.close();
    },
  };
  return controlPlane;
}

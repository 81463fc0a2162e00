/** The doors: the TLS listener for the Orchestrator and the cluster, the Unix socket for people. */
import { ADMIN_SOCKET } from "../core/state_sockets.ts";
import { createAdmin } from "../http/admin.ts";
import { createListener } from "../http/listener.ts";
import type { AgentStatus } from "../http/status.ts";
import type { Liveness } from "../core/liveness.ts";
import type { Leadership } from "../execution/leadership.ts";
import type { HttpServer } from "../runtime.ts";
import type { Control } from "./control.ts";
import type { Execution } from "./execution.ts";
import type { Foundation } from "./foundation.ts";
import { readKeyPair } from "./read_files.ts";
import { certificateRenewal } from "./renewals.ts";
import type { Loop } from "./run_together.ts";

export type Handler = (request: Request) => Promise<Response>;

export interface Serving {
  readonly admin: Handler;
  /** 0 without a listener. */
  readonly port: number;
  /** What keeps them as they are to be. */
  readonly duties: readonly Loop[];
  close(): Promise<void>;
}

export async function openDoors(
  foundation: Foundation,
  control: Control,
  execution: Execution,
  leadership: Leadership,
  liveness: Liveness,
  status: () => Promise<AgentStatus>,
): Promise<Serving> {
  const { config, runtime, health, metrics, log } = foundation;
  const { clock, files, http } = runtime;
  const { book, intake, approvals, approvers, challenges, receipts } = execution;
  const publicKey = foundation.key.jwk;
  const admin = createAdmin({
    book,
    approvals,
    approvers,
    challenges,
    receipts,
    publicKey,
    health,
    status,
    clock,
    log,
  });
  const servers: HttpServer[] = [];
  if (config.adminSocket) {
    servers.push(
      await http.serveUnix({
        unixSocket: `${config.stateDir}/${ADMIN_SOCKET}`,
        mode: config.adminSocketGroupAccess ? 0o660 : 0o600,
      }, admin),
    );
  }
  const duties: Loop[] = [];
  let port = 0;
  if (config.listener.enabled) {
    const { address } = config.listener;
    const identity = () => control.session.identity();
    const renewalOf = await certificateRenewal(foundation);
    const server = http.serveTls(
      { address, port: config.listener.port, ...await readKeyPair(files, config.listener) },
      createListener({
        intake,
        book,
        approvals,
        identity,
        leadership,
        health,
        liveness,
        metrics,
        clock,
        log,
      }),
    );
    servers.push(server);
    duties.push(renewalOf(server));
    port = server.port;
  }
  return {
    admin,
    port,
    duties,
    async close() {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

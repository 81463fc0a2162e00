/**
 * A TCP proxy on loopback that fails on command: late, slow, cut, reset, half-open, refusing. TLS goes
 * through untouched, so that certificates of the peer behind it hold.
 */
import { connect, createServer, type Server } from "node:net";
import { Connection } from "./faults/connection.ts";
import { type DirectionFaults, NO_FAULTS } from "./faults/direction.ts";

const LOOPBACK = "127.0.0.1";

export interface FaultProxyOptions {
  /** The address to listen on; default: loopback. */
  readonly host?: string;
  /** Default: any that is free. */
  readonly port?: number;
}

export class FaultProxy implements AsyncDisposable {
  /** Client to server; may be changed at any time, for connections that are open as well. */
  readonly requests: DirectionFaults = { ...NO_FAULTS };
  /** Server to client. */
  readonly answers: DirectionFaults = { ...NO_FAULTS };
  readonly #connections = new Set<Connection>();
  readonly #sentBefore = { requests: 0, answers: 0 };
  #watchers: (() => void)[] = [];
  #server: Server | null = null;
  #port = 0;
  #accepted = 0;
  #isStalled = false;

  private constructor(private readonly target: URL, private readonly host: string) {}

  /** @param url of the peer; its host must be on loopback */
  static async start(url: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const proxy = new FaultProxy(new URL(url), options.host ?? LOOPBACK);
    proxy.#port = options.port ?? 0;
    await proxy.accept();
    return proxy;
  }

  /** The peer's URL, through this proxy. */
  get url(): string {
    const url = new URL(this.target);
    if (this.host !== LOOPBACK) url.hostname = this.host;
    url.port = String(this.#port);
    return url.href.replace(/\/$/, "");
  }

  /** Connections that were ever accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  get open(): number {
    return this.#connections.size;
  }

  /** What was let through, of all connections. */
  get sent(): { requests: number; answers: number } {
    const sums = { ...this.#sentBefore };
    for (const { sentBytes } of this.#connections) {
      sums.requests += sentBytes.requests;
      sums.answers += sentBytes.answers;
    }
    return sums;
  }

  /** Resolves once the condition holds; it is asked again whenever bytes went through. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** FIN to both sides of every connection. */
  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  /** RST to both sides of every connection. */
  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** Half-open: connections are accepted and stay open, and not a byte goes through. */
  stall(): void {
    this.#isStalled = true;
  }

  /** What was held back goes on its way. */
  resume(): void {
    this.#isStalled = false;
    for (const connection of this.#connections) connection.pump();
  }

  /** New connections are refused; what is open stays. */
  refuse(): void {
    this.#server?.close();
    this.#server = null;
  }

  /** Listens, again on the same port. */
  async accept(): Promise<void> {
    if (this.#server) return;
    const server = createServer({ allowHalfOpen: true }, (client) => {
      const { hostname, port, protocol } = this.target;
      const number = Number(port) || (protocol === "https:" ? 443 : 80);
      const upstream = connect({ host: hostname, port: number, allowHalfOpen: true });
      const connection = new Connection(client, upstream, this, {
        isStalled: () => this.#isStalled,
        onSent: () => this.#wake(),
      });
      this.#accepted += 1;
      this.#connections.add(connection);
      connection.closed.then(() => this.#forget(connection));
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, this.host, () => resolve());
    });
    this.#port = (server.address() as { port: number }).port;
  }

  /** No fault any more. */
  async heal(): Promise<void> {
    Object.assign(this.requests, NO_FAULTS);
    Object.assign(this.answers, NO_FAULTS);
    this.resume();
    await this.accept();
  }

  #wake(): void {
    for (const wake of this.#watchers.splice(0)) wake();
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    this.#sentBefore.requests += connection.sentBytes.requests;
    this.#sentBefore.answers += connection.sentBytes.answers;
    this.#wake();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    const ended = server && new Promise<void>((resolve) => server.close(() => resolve()));
    const closed = [...this.#connections].map((connection) => connection.closed);
    this.reset();
    await Promise.all(closed);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

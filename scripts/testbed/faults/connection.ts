/** A connection through the proxy: the client's socket, the server's, and what flows between them. */
import type { Socket } from "node:net";
import { Direction, type DirectionFaults, type DirectionHooks } from "./direction.ts";

export interface ConnectionFaults {
  readonly requests: DirectionFaults;
  readonly answers: DirectionFaults;
}

export class Connection {
  readonly closed: Promise<void>;
  readonly #requests: Direction;
  readonly #answers: Direction;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    { requests, answers }: ConnectionFaults,
    hooks: Omit<DirectionHooks, "cut">,
  ) {
    const all = { ...hooks, cut: () => this.cut() };
    this.#requests = new Direction(client, server, requests, all);
    this.#answers = new Direction(server, client, answers, all);
    for (const [one, other] of [[client, server], [server, client]] as const) {
      // What breaks on one side breaks on the other.
      one.on("error", () => void other.resetAndDestroy());
      one.on("close", () => void other.destroySoon());
    }
    const ends = [client, server].map((socket) =>
      new Promise<void>((resolve) => socket.once("close", () => resolve()))
    );
    this.closed = Promise.all(ends).then(() => this.#stop());
  }

  get sentBytes(): { requests: number; answers: number } {
    return { requests: this.#requests.sentBytes, answers: this.#answers.sentBytes };
  }

  pump(): void {
    this.#requests.pump();
    this.#answers.pump();
  }

  /** FIN to both sides, in mid-stream. */
  cut(): void {
    this.#stop();
    this.client.destroySoon();
    this.server.destroySoon();
  }

  /** RST to both sides. */
  reset(): void {
    this.#stop();
    this.client.resetAndDestroy();
    this.server.resetAndDestroy();
  }

  #stop(): void {
    this.#requests.stop();
    this.#answers.stop();
  }
}

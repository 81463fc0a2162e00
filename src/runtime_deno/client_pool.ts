/**
 * One Deno client for each request that is under way, kept for the next one as long as its connection is.
 * A client that connects again resumes its TLS session, and Go's servers send nothing of their own then:
 * the request behind the handshake waits 40 ms for an acknowledgement (decision 12). A new client shakes
 * hands in full, in 2 ms.
 */

/** Load balancers close after 60 s, nginx after 75, kube-apiserver after 90. */
export const POOL_IDLE_MS = 50_000;

interface Idle {
  readonly client: Deno.HttpClient;
  readonly sinceMs: number;
}

export class ClientPool {
  /** The one that was used last is at the end, so that those at the beginning grow old. */
  readonly #idle: Idle[] = [];
  #isClosed = false;

  /**
   * Throws what `create` throws: the first one is made at once.
   * @param nowMs of a clock that nobody can step
   */
  constructor(
    private readonly create: () => Deno.HttpClient,
    private readonly nowMs: () => number,
  ) {
    this.#keep(create());
  }

  /** Resolves when the answer has begun. Throws what fetch throws; TypeError after close. */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    if (this.#isClosed) throw new TypeError("the client is closed");
    this.#dropOld();
    const client = this.#idle.pop()?.client ?? this.create();
    try {
      const response = await fetch(url, { ...init, client });
      this.#keep(client);
      return response;
    } catch (error) {
      // Its connection is gone, and the next one would be resumed.
      client.close();
      throw error;
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { client } of this.#idle.splice(0)) client.close();
  }

  #keep(client: Deno.HttpClient): void {
    if (this.#isClosed) client.close();
    else this.#idle.push({ client, sinceMs: this.nowMs() });
  }

  #dropOld(): void {
    const limitMs = this.nowMs() - POOL_IDLE_MS;
    const firstKept = this.#idle.findIndex(({ sinceMs }) => sinceMs > limitMs);
    const old = this.#idle.splice(0, firstKept < 0 ? this.#idle.length : firstKept);
    for (const { client } of old) client.close();
  }
}

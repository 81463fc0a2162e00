/**
 * The present standing with the control plane. Registration writes it; every call that carries the
 * access token reads it, and says so when the control plane no longer takes the token.
 */
import { orAborted } from "./abortable.ts";
import type { RegisterResponse } from "./protocol.ts";

/** What stays true without a token, and is kept on disk: who we are, and whose orders count. */
export interface ClusterIdentity {
  readonly clusterId: string;
  readonly orchestrator: RegisterResponse["orchestrator"];
}

export interface Registration extends ClusterIdentity {
  readonly accessToken: string;
  /** On the monotonic clock. */
  readonly expiresAtMonotonicMs: number;
  readonly heartbeatMs: number;
}

export class Session {
  #registration: Registration | null = null;
  #identity: ClusterIdentity | null = null;
  #changed = Promise.withResolvers<void>();
  #invalidated = new AbortController();

  constructor(private readonly monotonic: () => number) {}

  /** Knowledge from an earlier run; holds until a registration says otherwise. */
  restore(identity: ClusterIdentity): void {
    this.#identity ??= identity;
  }

  set(registration: Registration): void {
    this.#registration = registration;
    const { clusterId, orchestrator } = registration;
    this.#identity = { clusterId, orchestrator };
    this.#invalidated = new AbortController();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** null before the very first registration of this state directory. */
  identity(): ClusterIdentity | null {
    return this.#identity;
  }

  /** null without a token that can still be used. */
  current(): Registration | null {
    const registration = this.#registration;
    if (!registration || this.monotonic() >= registration.expiresAtMonotonicMs) return null;
    return registration;
  }

  /** Waits until there is a usable token. Rejects with the signal's reason. */
  async ready(signal: AbortSignal): Promise<Registration> {
    for (;;) {
      const registration = this.current();
      if (registration) return registration;
      await orAborted(this.#changed.promise, signal);
    }
  }

  /** Others stand for the cluster from now on: the token is not to be used again. */
  end(): void {
    this.#registration = null;
  }

  /** Many callers may hold the same dead token: only the first report of it has an effect. */
  invalidate(accessToken: string): void {
    if (this.#registration?.accessToken !== accessToken) return;
    this.#registration = null;
    this.#invalidated.abort();
  }

  /** Aborts when the present registration is invalidated. */
  get invalidated(): AbortSignal {
    return this.#invalidated.signal;
  }
}

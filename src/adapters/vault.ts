/**
 * The connector's standing with Vault: one token, renewed before it ends and replaced when it was
 * revoked. The token leaves this file only in requests to Vault itself.
 */
import * as z from "zod";
import { orAborted } from "../core/abortable.ts";
import { refreshDelayMs } from "../core/refresh_schedule.ts";
import { StalledError } from "../errors.ts";
import type { SecretMask } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Runtime } from "../runtime.ts";
import { Peer } from "./peer.ts";
import { VaultClient } from "./vault_client.ts";
import { type VaultAuth, type VaultLease, VaultLogin } from "./vault_login.ts";

const MAX_RESPONSE_BYTES = 1024 * 1024;
const SHORTEST_RENEWAL_DELAY_MS = 1000;
const LONGEST_RENEWAL_DELAY_MS = 3_600_000;

export interface VaultOptions {
  readonly address: string;
  readonly caPem?: string;
  readonly proxy?: string;
  readonly namespace?: string;
  readonly auth: VaultAuth;
  readonly identityRole: string;
  readonly timeoutMs: number;
}

export interface VaultHealth {
  readonly initialized: boolean;
  readonly sealed: boolean;
  readonly version: string;
}

const IdentityAnswer = z.object({ data: z.object({ token: z.string().min(1) }) });
const KvAnswer = z.object({ data: z.object({ data: z.record(z.string(), z.unknown()) }) });
const HealthAnswer: z.ZodType<VaultHealth> = z.object({
  initialized: z.boolean(),
  sealed: z.boolean(),
  version: z.string().default("unknown"),
});

interface HeldLease extends VaultLease {
  readonly expiresAtMonotonicMs: number;
}

export class VaultSession {
  readonly #peer: Peer;
  readonly #login: VaultLogin;
  readonly #closing = new AbortController();
  readonly #client: VaultClient;
  #lease: HeldLease | null = null;
  #pendingLogin: Promise<HeldLease> | null = null;

  constructor(
    private readonly runtime: Runtime,
    private readonly options: VaultOptions,
    private readonly mask: SecretMask,
    private readonly metrics: Metrics,
  ) {
    this.#peer = new Peer(runtime, {
      name: "Vault",
      section: "vault",
      baseUrl: options.address,
      timeoutMs: options.timeoutMs,
      maxResponseBytes: MAX_RESPONSE_BYTES,
      ...(options.caPem === undefined ? {} : { caPem: options.caPem }),
      ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    });
    this.#client = new VaultClient(this.#peer, options, mask);
    this.#login = new VaultLogin(options.auth, runtime.files, mask);
  }

  /** Gets a token, whether or not there is one. Callers at the same time share one login. */
  async login(signal: AbortSignal): Promise<void> {
    await this.#sharedLogin(signal);
  }

  /**
   * Renews what there is, or logs in anew where that cannot be.
   * Returns how long to wait before the next renewal: about two thirds of what is left.
   */
  async renew(signal: AbortSignal): Promise<number> {
    const lease = await this.#renewOrLogin(signal);
    // A fixed token is looked up again now and then: it may have been rotated or revoked.
    const lifetimeMs = Math.min(lease.ttlMs, LONGEST_RENEWAL_DELAY_MS);
    const delayMs = refreshDelayMs(lifetimeMs, this.runtime.random.fraction());
    return Math.max(delayMs, SHORTEST_RENEWAL_DELAY_MS);
  }

  /** A signed statement by Vault of who this connector is, for the control plane (OIDC, ES256 or RS256). */
  async identityToken(signal: AbortSignal): Promise<string> {
    const path = `identity/oidc/token/${encodeURIComponent(this.options.identityRole)}`;
    const { data } = await this.#withToken(
      signal,
      (token) => this.#client.call(IdentityAnswer, { path, token, signal }),
    );
    return this.mask.add(data.token);
  }

  /** @param path with its `data/` part, such as `secret/data/neuralops/s3` */
  async readKv2(path: string, signal: AbortSignal): Promise<Record<string, unknown>> {
    const { data } = await this.#withToken(
      signal,
      (token) => this.#client.call(KvAnswer, { path, token, signal }),
    );
    for (const value of Object.values(data.data)) {
      if (typeof value === "string") this.mask.add(value);
    }
    return data.data;
  }

  async health(signal: AbortSignal): Promise<VaultHealth> {
    return await this.#client.call(HealthAnswer, { path: "sys/health", signal });
  }

  close(): void {
    this.#closing.abort();
    this.#peer.close();
  }

  async #renewOrLogin(signal: AbortSignal): Promise<HeldLease> {
    const held = this.#usableLease();
    // A fixed token is taken from its file again first, so that a rotated one is picked up.
    const lease = held && this.#login.issuesTokens ? held : await this.#sharedLogin(signal);
    if (!lease.renewable) return lease === held ? await this.#sharedLogin(signal) : lease;
    if (lease !== held && this.#login.issuesTokens) return lease;
    try {
      const renewed = this.#hold(
        await this.#login.renew(this.#client, lease, signal),
        "renewal",
      );
      // Near its maximum TTL a renewal grants ever less: a new token then lasts longer.
      const shrank = renewed.ttlMs < lease.ttlMs / 2;
      return shrank && this.#login.issuesTokens ? await this.#sharedLogin(signal) : renewed;
    } catch (error) {
      if (!isDenied(error) || !this.#login.issuesTokens) throw error;
      return await this.#sharedLogin(signal);
    }
  }

  #usableLease(): HeldLease | null {
    const lease = this.#lease;
    return lease && this.runtime.clock.monotonic() < lease.expiresAtMonotonicMs ? lease : null;
  }

  /** One more login when a token is refused that should be good: it may have been revoked. */
  async #withToken<T>(
    signal: AbortSignal,
    call: (token: string) => Promise<T>,
  ): Promise<T> {
    const lease = this.#usableLease() ?? await this.#sharedLogin(signal);
    try {
      return await call(lease.token);
    } catch (error) {
      if (!isDenied(error)) throw error;
      if (this.#lease === lease) this.#lease = null;
      const fresh = this.#usableLease() ?? await this.#sharedLogin(signal);
      if (fresh.token === lease.token) throw error;
      return await call(fresh.token);
    }
  }

  /** A caller that gives up leaves the login to the others. */
  #sharedLogin(signal: AbortSignal): Promise<HeldLease> {
    this.#pendingLogin ??= this.#login.login(this.#client, this.#closing.signal)
      .then((lease) => this.#hold(lease, "login"))
      .finally(() => this.#pendingLogin = null);
    return orAborted(this.#pendingLogin, signal);
  }

  #hold(lease: VaultLease, kind: "login" | "renewal"): HeldLease {
    const expiresAtMonotonicMs = this.runtime.clock.monotonic() + lease.ttlMs;
    this.#lease = { ...lease, expiresAtMonotonicMs };
    this.metrics.vaultLogins.inc({ kind });
    return this.#lease;
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof StalledError && error.code === "vault_denied";
}

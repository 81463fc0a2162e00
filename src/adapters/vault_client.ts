/**
 * Vault's HTTP API, called as node-vault calls it, but through the Peer: node-vault's own transport follows
 * redirects with the token, reads the environment and bounds nothing, and loading it costs 14 MB (decision
 * 31). A token is given per call and never kept in the client.
 */
import * as z from "zod";
import { decodeUtf8 } from "../core/encoding.ts";
import { InvalidInputError, StalledError } from "../errors.ts";
import type { SecretMask } from "../log.ts";
import type { Peer } from "./peer.ts";

const Refused = z.object({ errors: z.array(z.string()).min(1) });
/** What a KV path answers with 404 beside no errors at all. */
const AbsentSecret = z.object({
  data: z.object({ metadata: z.object({ version: z.int() }) }).nullish(),
  warnings: z.array(z.string()).nullish(),
});
const MAX_REASON_CHARS = 200;
const HEALTH_PATH = "sys/health";
const NO_ENTITY = /no entity associated/i;
const ENTITY_HINT =
  "log in with kubernetes or appRole, or create the token with an entity alias: docs/runbook.md";
/** Answered with 500 in the last second of a token that may not be renewed any more. */
const SPENT = /past the max TTL/i;

export interface VaultCall {
  /** Behind `/v1/`, such as `auth/token/lookup-self`. */
  readonly path: string;
  /** Makes it a POST. */
  readonly data?: Record<string, unknown>;
  readonly token?: string;
  readonly signal?: AbortSignal;
}

export interface VaultClientOptions {
  /** Sent with every call: Vault Enterprise and OpenBao have namespaces. */
  readonly namespace?: string;
}

export class VaultClient {
  constructor(
    private readonly peer: Peer,
    private readonly options: VaultClientOptions,
    private readonly mask: SecretMask,
  ) {}

  /**
   * Throws StalledError `vault_denied` (400, 403, a token that cannot live longer), `config_invalid`
   * (other 4xx) or `tls_untrusted`, TransientError for everything that may pass, a sealed Vault included.
   */
  async call<T>(schema: z.ZodType<T>, call: VaultCall): Promise<T> {
    const answer = await this.#send(call);
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    const where = parsed.error.issues[0]?.path.join(".") ?? "";
    throw new InvalidInputError(
      "malformed_answer",
      `Vault's answer to ${call.path} is not what its API promises, at "${where}"`,
      { hint: "check that vault.address is a Vault or OpenBao server, not a proxy's login page" },
    );
  }

  async #send({ path, data, token, signal }: VaultCall): Promise<unknown> {
    const { namespace } = this.options;
    const answer = await this.peer.send({
      method: data === undefined ? "GET" : "POST",
      path: `/v1/${path}`,
      headers: {
        "x-vault-request": "true",
        ...(namespace ? { "x-vault-namespace": namespace } : {}),
        ...(token === undefined ? {} : { "x-vault-token": token }),
        ...(data === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(data === undefined ? {} : { body: JSON.stringify(data) }),
      ...(signal ? { signal } : {}),
    });
    const { status } = answer;
    const body = parseBody(answer.body);
    // sys/health tells a sealed or standby server by its status; its body is wanted all the same.
    if (status === 200 || status === 204 || path === HEALTH_PATH) return body;
    const isFinal = status === 500 && SPENT.test(JSON.stringify(body));
    throw (isFinal ? null : this.peer.transient(answer, `/v1/${path}`)) ??
      this.#refusal(status, body, path);
  }

  #refusal(status: number, body: unknown, path: string): StalledError {
    const refused = Refused.safeParse(body);
    const said = refused.success ? refused.data.errors[0]! : describeAbsence(body);
    const reason = this.mask.apply(said).replaceAll(/\s+/g, " ").trim().slice(0, MAX_REASON_CHARS);
    const text = `Vault answered ${status} to ${path}: ${reason}`;
    if (NO_ENTITY.test(reason)) {
      return new StalledError("vault_denied", text, { hint: ENTITY_HINT });
    }
    if (status === 403 || status === 400 || status >= 500) {
      return new StalledError("vault_denied", text, {
        hint: "check vault.auth, the policies of its role, and the namespace",
      });
    }
    return new StalledError("config_invalid", text, {
      hint: "check the path, the mount and the namespace in the vault section",
    });
  }
}

function describeAbsence(body: unknown): string {
  const { data: { data, warnings } = {} } = AbsentSecret.safeParse(body);
  if (data) return `version ${data.metadata.version} was deleted`;
  return warnings?.[0] ?? "there is nothing";
}

function parseBody(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    return undefined;
  }
}

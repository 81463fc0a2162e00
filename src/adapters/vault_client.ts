/**
 * node-vault, made safe. Its own transport follows redirects with the token, reads the environment
 * and bounds nothing, so that requests go through the Peer instead. A token is given per call and
 * never kept in the client.
 */
import type NodeVault from "node-vault";
import { z } from "zod";
import { decodeUtf8 } from "../core/encoding.ts";
import { ConnectorError, InvalidInputError, StalledError } from "../errors.ts";
import type { SecretMask } from "../log.ts";
import type { Peer } from "./peer.ts";

const TransportRequest = z.object({
  method: z.string(),
  uri: z.string(),
  headers: z.record(z.string(), z.string()).default({}),
  json: z.unknown().optional(),
  signal: z.instanceof(AbortSignal).optional(),
});
const ApiError = z.object({
  message: z.string(),
  response: z.object({ statusCode: z.int(), body: z.unknown() }),
});
/** What a KV path answers with 404 beside no errors at all. */
const AbsentSecret = z.object({
  data: z.object({ metadata: z.object({ version: z.int() }) }).nullish(),
  warnings: z.array(z.string()).nullish(),
});
const MAX_REASON_CHARS = 200;
const HEALTH_PATH = "/v1/sys/health";
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

export class VaultClient {
  private constructor(
    private readonly client: NodeVault.client,
    private readonly mask: SecretMask,
  ) {}

  /** Loads node-vault, which costs 27 MB, on first use. Does not talk to Vault yet. */
  static async load(
    peer: Peer,
    options: { address: string; namespace?: string },
    mask: SecretMask,
  ): Promise<VaultClient> {
    const { default: nodeVault } = await import("node-vault");
    const endpoint = options.address.replace(/\/$/, "");
    const client = nodeVault({
      endpoint,
      "request-promise": { defaults: () => transportThrough(peer, endpoint) },
      // Its debug channel would print request bodies, credentials included.
      debug: () => {},
    });
    // An empty option would make it read VAULT_TOKEN, VAULT_NAMESPACE and VAULT_PREFIX.
    Object.assign(client, { token: "", pathPrefix: "", namespace: options.namespace ?? "" });
    return new VaultClient(client, mask);
  }

  /**
   * Throws StalledError `vault_denied` (400, 403, a token that cannot live longer), `config_invalid`
   * (other 4xx) or `tls_untrusted`, TransientError for everything that may pass, a sealed Vault included.
   */
  async call<T>(schema: z.ZodType<T>, call: VaultCall): Promise<T> {
    const answer: unknown = await this.#send(call).catch((error) => {
      throw this.#translate(error, call.path);
    });
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    const where = parsed.error.issues[0]?.path.join(".") ?? "";
    throw new InvalidInputError(
      "malformed_answer",
      `Vault's answer to ${call.path} is not what its API promises, at "${where}"`,
      { hint: "check that vault.address is a Vault or OpenBao server, not a proxy's login page" },
    );
  }

  #send({ path, data, token, signal }: VaultCall): Promise<unknown> {
    const options = {
      headers: token === undefined ? {} : { "X-Vault-Token": token },
      ...(signal ? { signal } : {}),
    };
    return data === undefined
      ? this.client.read(path, options)
      : this.client.write(path, data, options);
  }

  #translate(error: unknown, path: string): unknown {
    const api = ApiError.safeParse(error);
    if (error instanceof ConnectorError || !api.success) return error;
    const { message, response: { statusCode, body } } = api.data;
    // The text that node-vault makes up for an answer without errors says nothing.
    const said = message === `Status ${statusCode}` ? describeAbsence(body) : message;
    const reason = this.mask.apply(said).replaceAll(/\s+/g, " ").trim().slice(0, MAX_REASON_CHARS);
    const text = `Vault answered ${statusCode} to ${path}: ${reason}`;
    if (NO_ENTITY.test(reason)) {
      return new StalledError("vault_denied", text, { hint: ENTITY_HINT });
    }
    if (statusCode === 403 || statusCode === 400 || statusCode >= 500) {
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

/** The function that node-vault calls for every request, in place of axios. */
function transportThrough(peer: Peer, endpoint: string) {
  return async (options: unknown) => {
    const request = TransportRequest.parse(options);
    const path = request.uri.slice(endpoint.length);
    const answer = await peer.send({
      method: request.method,
      path,
      headers: {
        ...request.headers,
        "x-vault-request": "true",
        ...(request.json === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(request.json === undefined ? {} : { body: JSON.stringify(request.json) }),
      ...(request.signal ? { signal: request.signal } : {}),
    });
    const body = parseBody(answer.body);
    // sys/health tells a sealed or standby server by its status; its body is wanted all the same.
    const isFinal = path === HEALTH_PATH ||
      answer.status === 500 && SPENT.test(JSON.stringify(body));
    const transient = isFinal ? null : peer.transient(answer, path);
    if (transient) throw transient;
    return { statusCode: answer.status, body, request: { path } };
  };
}

function parseBody(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    return undefined;
  }
}

/**
 * A Vault for `simulate` and the tests, over TLS: token, Kubernetes and AppRole login, leases that
 * end, KV v2, and identity tokens that are really signed and verify against its OIDC keys.
 */
import { Hono } from "hono";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import type { Clock } from "../runtime.ts";
import type { Pki } from "./pki.ts";
import { serveTls, type TlsServer } from "./serve.ts";
import { type TokenGrant, VaultTokens } from "./vault_tokens.ts";

export interface VaultStartOptions {
  readonly pki: Pki;
  readonly clock: Pick<Clock, "now">;
  /** Of login tokens; default: one hour, renewable up to a day. */
  readonly grant?: Partial<TokenGrant>;
  readonly identityTtlSeconds?: number;
  /** `aud` of identity tokens: the client id that Vault gave to the role. */
  readonly identityAudience?: string;
  readonly identityRole?: string;
  /** As Vault has an API server review tokens: whether this one, unknown so far, may log in at any role. */
  readonly reviewServiceAccount?: (jwt: string) => Promise<boolean>;
}

export interface SeenVaultRequest {
  readonly path: string;
  readonly token: string | null;
}

export interface EmbeddedVault {
  readonly server: TlsServer;
  readonly url: string;
  /** `iss` of identity tokens. */
  readonly issuer: string;
  readonly identityAudience: string;
  readonly requests: readonly SeenVaultRequest[];
  createToken(grant?: Partial<TokenGrant>): string;
  /** Lets this service account JWT log in at auth/kubernetes. */
  allowServiceAccount(role: string, jwt: string): void;
  /** @param grant of its tokens; default: the one of every login */
  allowAppRole(roleId: string, secretId: string, grant?: Partial<TokenGrant>): void;
  /** @param path as it is read, such as `secret/data/neuralops/s3` */
  writeSecret(path: string, data: Record<string, string>): void;
  /** Deletes the newest version: what is read there says so. */
  deleteSecret(path: string): void;
  revokeAllTokens(): void;
  seal(sealed: boolean): void;
  close(): Promise<void>;
}

const DEFAULT_GRANT: TokenGrant = {
  ttlSeconds: 3600,
  maxTtlSeconds: 86_400,
  renewable: true,
  entityId: "5f3c1f0e-connector",
  reads: ["secret/data/neuralops/"],
};
const DENIED = { errors: ["permission denied"] };
/** What a token that is good gets where its policy does not let it. */
const NOT_ALLOWED = { errors: ["1 error occurred:\n\t* permission denied\n\n"] };
const SPENT = { errors: ["1 error occurred:\n\t* past the max TTL, cannot renew\n\n"] };
const KEY_ID = "embedded-vault-1";

export async function startVault(options: VaultStartOptions): Promise<EmbeddedVault> {
  const { pki, clock, identityTtlSeconds = 300 } = options;
  const { identityAudience = "neuralops-control-plane", identityRole = "neuralops-connector" } =
    options;
  const grant = { ...DEFAULT_GRANT, ...options.grant };
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk: JWK = { ...await exportJWK(publicKey), kid: KEY_ID, use: "sig", alg: "ES256" };
  const tokens = new VaultTokens(() => clock.now());
  const serviceAccounts = new Map<string, string>();
  const appRoles = new Map<string, { secretId: string; grant: TokenGrant }>();
  const secrets = new Map<string, { version: number; data: Record<string, string> | null }>();
  const requests: SeenVaultRequest[] = [];
  let sealed = false;
  let issuer = "";

  const app = new Hono<{ Variables: { token: string } }>();
  app.use(async (context, next) => {
    const token = context.req.header("x-vault-token") ?? null;
    requests.push({ path: context.req.path, token });
    if (sealed && context.req.path !== "/v1/sys/health") {
      return context.json({ errors: ["Vault is sealed"] }, 503);
    }
    await next();
  });
  app.notFound((context) => context.json({ errors: [] }, 404));

  app.get("/v1/sys/health", (context) => {
    const body = { initialized: true, sealed, standby: false, version: "1.20.0-embedded" };
    return context.json(body, sealed ? 503 : 200);
  });
  app.get(
    "/v1/identity/oidc/.well-known/openid-configuration",
    (context) => context.json({ issuer, jwks_uri: `${issuer}/.well-known/keys` }),
  );
  app.get("/v1/identity/oidc/.well-known/keys", (context) => context.json({ keys: [jwk] }));

  app.post("/v1/auth/kubernetes/login", async (context) => {
    const { role, jwt } = await context.req.json();
    if (await options.reviewServiceAccount?.(jwt)) serviceAccounts.set(jwt, role);
    if (![...serviceAccounts.values()].includes(role)) {
      return context.json({ errors: [`invalid role name "${role}"`] }, 400);
    }
    if (serviceAccounts.get(jwt) !== role) return context.json(DENIED, 403);
    return context.json(describeAuth(tokens.create(grant)));
  });
  app.post("/v1/auth/approle/login", async (context) => {
    const { role_id, secret_id } = await context.req.json();
    const role = appRoles.get(role_id);
    if (!role || role.secretId !== secret_id) {
      return context.json({ errors: ["invalid role or secret ID"] }, 400);
    }
    return context.json(describeAuth(tokens.create(role.grant)));
  });

  app.use("/v1/*", async (context, next) => {
    const token = context.req.header("x-vault-token") ?? null;
    if (!tokens.find(token)) return context.json(DENIED, 403);
    context.set("token", token!);
    await next();
  });
  app.get("/v1/auth/token/lookup-self", (context) => {
    const token = tokens.find(context.get("token"))!;
    const endless = token.expiresMs === Infinity;
    return context.json({
      data: {
        ttl: tokens.ttlSeconds(token),
        expire_time: endless ? null : new Date(token.expiresMs).toISOString(),
        renewable: token.renewable,
        entity_id: token.entityId,
      },
    });
  });
  app.post("/v1/auth/token/renew-self", (context) => {
    const token = tokens.find(context.get("token"))!;
    if (!token.renewable) return context.json({ errors: ["lease is not renewable"] }, 400);
    if (!tokens.renew(token)) return context.json(SPENT, 500);
    return context.json(describeAuth(context.get("token")));
  });
  app.get("/v1/identity/oidc/token/:role", async (context) => {
    if (context.req.param("role") !== identityRole) return context.json(NOT_ALLOWED, 403);
    const { entityId } = tokens.find(context.get("token"))!;
    if (entityId === "") {
      return context.json({ errors: ["no entity associated with the request's token"] }, 400);
    }
    const iat = Math.floor(clock.now() / 1000);
    const token = await new SignJWT({ namespace: "root" })
      .setProtectedHeader({ alg: "ES256", kid: KEY_ID })
      .setIssuer(issuer)
      .setAudience(identityAudience)
      .setSubject(entityId)
      .setIssuedAt(iat)
      .setExpirationTime(iat + identityTtlSeconds)
      .sign(privateKey);
    return context.json({
      data: { token, client_id: identityAudience, ttl: identityTtlSeconds },
    });
  });
  app.get("/v1/*", (context) => {
    const path = context.req.path.slice("/v1/".length);
    const { reads } = tokens.find(context.get("token"))!;
    if (!reads.some((prefix) => path.startsWith(prefix))) return context.json(NOT_ALLOWED, 403);
    const found = secrets.get(path);
    if (!found) return context.json({ errors: [] }, 404);
    const { data, version } = found;
    const deletion_time = data ? "" : new Date(clock.now()).toISOString();
    const metadata = { version, destroyed: false, deletion_time };
    return context.json({ data: { data, metadata } }, data ? 200 : 404);
  });

  function describeAuth(token: string) {
    const found = tokens.find(token)!;
    return {
      auth: {
        client_token: token,
        lease_duration: tokens.ttlSeconds(found),
        renewable: found.renewable,
        entity_id: found.entityId,
        policies: ["neuralops-connector"],
      },
    };
  }

  const server = await serveTls(pki, "embedded Vault", (request) => app.fetch(request));
  issuer = `${server.url}/v1/identity/oidc`;
  return {
    server,
    url: server.url,
    issuer,
    identityAudience,
    requests,
    createToken: (overrides = {}) => tokens.create({ ...grant, ...overrides }),
    allowServiceAccount: (role, jwt) => void serviceAccounts.set(jwt, role),
    allowAppRole: (roleId, secretId, overrides = {}) =>
      void appRoles.set(roleId, { secretId, grant: { ...grant, ...overrides } }),
    writeSecret: (path, data) =>
      void secrets.set(path, { version: (secrets.get(path)?.version ?? 0) + 1, data }),
    deleteSecret: (path) =>
      void secrets.set(path, { version: secrets.get(path)?.version ?? 1, data: null }),
    revokeAllTokens: () => tokens.revokeAll(),
    seal: (value) => void (sealed = value),
    close: () => server.close(),
  };
}

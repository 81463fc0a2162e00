/** The embedded Vault, and a real one as the connector itself would use it. */
import { decodeJwt } from "jose";
import { readCa } from "../../../agent/read_files.ts";
import { openVaultSession } from "../../../agent/vault_session.ts";
import type { Config, ConfigInput } from "../../../config/schema.ts";
import { fetchIdentityKeys } from "../../../embedded/control_plane/registrar.ts";
import { type EmbeddedVault, startVault } from "../../../embedded/vault.ts";
import { SecretMask } from "../../../log.ts";
import { createMetrics } from "../../../metrics.ts";
import { systemFiles } from "../../../runtime_deno/files.ts";
import { systemRuntime } from "../../../runtime_deno.ts";
import { randomSecret } from "../random_secret.ts";
import type { Place, VaultPeer } from "./peer.ts";

const ROLE = "neuralops-connector";
const TIMEOUT_MS = 10_000;

export async function embeddedVault(
  place: Place,
): Promise<VaultPeer & { readonly embedded: EmbeddedVault }> {
  const { pki, clock, caFile } = place;
  const vault = await startVault({ pki, clock, grant: { ttlSeconds: 20 } });
  const serviceAccountToken = `sa-${randomSecret()}`;
  vault.allowServiceAccount(ROLE, serviceAccountToken);
  return {
    name: "Vault",
    embedded: vault,
    url: vault.url,
    section: {
      address: vault.url,
      caFile,
      auth: {
        method: "kubernetes",
        role: ROLE,
        tokenFile: await place.write("service-account.token", serviceAccountToken),
      },
    },
    identity: {
      issuer: vault.issuer,
      audience: vault.identityAudience,
      keys: () => fetchIdentityKeys(vault.issuer, pki.caPem),
    },
    secrets: () => [
      serviceAccountToken,
      ...vault.requests.flatMap(({ token }) => token ?? []),
    ],
    close: () => vault.close(),
  };
}

/**
 * Logs in once, as the connector will, to learn issuer and audience of the role's tokens: what the
 * operator of a control plane is told when a Vault is made known to it.
 */
export async function realVault(
  section: ConfigInput["vault"],
  { vault }: Pick<Config, "vault">,
): Promise<VaultPeer & { readonly readSecret: (path: string) => Promise<unknown> }> {
  const ca = await readCa(systemFiles, "vault.caFile", vault.caFile);
  const session = await openVaultSession(vault, {
    runtime: systemRuntime(),
    mask: new SecretMask(),
    metrics: createMetrics(),
    // The agent of the story sees none either.
    env: () => undefined,
  });
  let token: string;
  try {
    token = await session.identityToken(AbortSignal.timeout(TIMEOUT_MS));
  } catch (error) {
    session.close();
    throw error;
  }
  const { iss = "", aud = "" } = decodeJwt(token);
  return {
    name: "Vault",
    url: vault.address,
    section,
    identity: {
      issuer: iss,
      audience: [aud].flat()[0]!,
      keys: () => fetchIdentityKeys(iss, ca.caPem),
    },
    readSecret: (path) => session.readKv2(path, AbortSignal.timeout(TIMEOUT_MS)),
    secrets: () => [token],
    close: () => Promise.resolve(session.close()),
  };
}

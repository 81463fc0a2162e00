/** The embedded Vault as a target of the contract, on a clock that the tests move. */
import { createPki } from "../../../src/embedded/pki.ts";
import { startVault } from "../../../src/embedded/vault.ts";
import type { TokenGrant } from "../../../src/embedded/vault_tokens.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";
import type { Grant, SealedVault, VaultTarget } from "./target.ts";

const STEP_MS = 200;
const SERVICE_ACCOUNT = { role: "connector", jwt: "header.claims.signature-of-the-cluster" };

export async function openEmbeddedVault(): Promise<VaultTarget> {
  const clock = new FakeClock();
  const pki = await createPki();
  const { caPem } = pki;
  const vault = await startVault({ pki, clock });
  const folder = `reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(folder, { recursive: true });
  vault.allowServiceAccount(SERVICE_ACCOUNT.role, SERVICE_ACCOUNT.jwt);
  return {
    address: vault.url,
    caPem,
    issuer: vault.issuer,
    clock,
    folder,
    serviceAccount: SERVICE_ACCOUNT,
    appRole(grant) {
      const [roleId, secretId] = [crypto.randomUUID(), crypto.randomUUID()];
      vault.allowAppRole(roleId, secretId, toGrant(grant));
      return Promise.resolve({ mount: "approle", roleId, secretId });
    },
    token({ hasEntity, ...grant }) {
      const entity = hasEntity ? {} : { entityId: "" };
      return Promise.resolve(vault.createToken({ ...toGrant(grant), ...entity }));
    },
    revokeLogins: () => Promise.resolve(vault.revokeAllTokens()),
    writeSecret: (path, data) => Promise.resolve(vault.writeSecret(path, data)),
    deleteSecret: (path) => Promise.resolve(vault.deleteSecret(path)),
    async until(what, limitMs, holds) {
      for (let passedMs = 0; !await holds(); passedMs += STEP_MS) {
        if (passedMs >= limitMs) throw new Error(`${what}: not within ${limitMs} ms`);
        clock.advance(STEP_MS);
      }
    },
    async sealed(): Promise<SealedVault> {
      const other = await startVault({ pki, clock });
      other.seal(true);
      return {
        address: other.url,
        caPem,
        token: other.createToken(),
        unseal: () => Promise.resolve(other.seal(false)),
        [Symbol.asyncDispose]: () => other.close(),
      };
    },
    async [Symbol.asyncDispose]() {
      await vault.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function toGrant({ ttlSeconds, maxTtlSeconds = 0, renewable = true }: Grant): Partial<TokenGrant> {
  return { ttlSeconds, maxTtlSeconds, renewable };
}

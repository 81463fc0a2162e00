/** Packages signed by the real cosign: accepted by `verify` and by the agent, and only as they were. */
import assert from "node:assert/strict";
import { createKeySigner } from "../../src/embedded/signer.ts";
import { cli } from "./agent_process.ts";
import { createCosignKey } from "./cosign_key.ts";
import { push, pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { deployment, workPackage } from "./package.ts";
import { realTest } from "./peers.ts";
import { withAgent, withGround } from "./running_agent.ts";

realTest(
  "verify accepts what cosign signed and refuses what was altered",
  ["cosign"],
  () =>
    withGround(async (ground) => {
      const key = await createCosignKey(ground.directory);
      const bytes = workPackage({ clusterId: "c-any", manifest: deployment("a", "shop:1") });
      const file = await ground.write("wpk.yaml", bytes);
      const altered = await ground.write("altered.yaml", alter(bytes));
      const other = await ground.write("other.pub", (await createKeySigner()).publicKeyPem);
      for (const bundle of [await key.signBlob(file), await key.attestBlob(file)]) {
        const verified = await verify(file, bundle, key.publicKey);
        assert.deepEqual(verified, { code: 0, verified: true, reason: undefined });
        const tampered = await verify(altered, bundle, key.publicKey);
        assert.deepEqual(tampered, { code: 1, verified: false, reason: "bad_signature" });
        const foreign = await verify(file, bundle, other);
        assert.deepEqual(foreign, { code: 1, verified: false, reason: "unknown_signer" });
      }
    }),
);

realTest(
  "agent carries out what cosign signed, once a person approved it",
  ["cosign"],
  () =>
    withGround(async (ground) => {
      const key = await createCosignKey(ground.directory);
      const trust = { signers: [{ name: "release", keyFile: key.publicKey }] };
      await withAgent(ground, { trust }, async ({ port, config }) => {
        const clusterId = await registeredCluster(ground);
        const ways = [["signed", key.signBlob], ["attested", key.attestBlob]] as const;
        for (const [name, sign] of ways) {
          const find = () => ground.kubernetes.store.get("apps/v1", "Deployment", "shop", name);
          const bytes = workPackage({ clusterId, manifest: deployment(name, "shop:1") });
          const file = await ground.write(`${name}.yaml`, bytes);
          const bundle = JSON.parse(await Deno.readTextFile(await sign(file)));

          const refused = await push(ground, port, alter(bytes), bundle);
          assert.deepEqual([refused.status, refused.body["code"]], [403, "bad_signature"]);

          const id = await pushAccepted(ground, port, bytes, bundle);
          await untilReceipt(ground, id, "pending_approval");
          assert.equal(find(), null);
          const approved = await cli("executions", "approve", id, "--yes", "--config", config);
          assert.equal(approved.code, 0, approved.stderr);
          await untilReceipt(ground, id, "succeeded");
          assert.ok(find());
        }
      });
    }),
);

async function verify(file: string, bundle: string, key: string) {
  const { code, stdout } = await cli(
    "verify",
    file,
    "--bundle",
    bundle,
    "--key",
    key,
    "-o",
    "json",
  );
  const said = JSON.parse(stdout);
  return { code, verified: said.verified, reason: said.code };
}

/** One character of a value, so that the file stays a good package. */
function alter(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder().decode(bytes);
  return new TextEncoder().encode(text.replace("shop:1", "shop:2"));
}

import assert from "node:assert/strict";
import { InvalidInputError } from "../../src/errors.ts";
import {
  applyAction,
  AUTO_POLICY,
  configMap,
  layGround,
  packageOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

Deno.test("a package whose preimages the journal cannot keep is refused before anything is changed", async () => {
  const ground = await layGround();
  const stand = (await Stand.open(ground, { policy: AUTO_POLICY })).start();
  try {
    stand.journal.savePreimages = () =>
      Promise.reject(new InvalidInputError("too_large", "The preimages are more than is kept"));
    const actions = applyAction(configMap("c", { a: "1" }));
    const { id } = await send(stand, ground, packageOf({ actions }));
    const { state, code, reason } = await stand.until(id, "refused", "succeeded");
    assert.deepEqual([state, code], ["refused", "too_large"]);
    assert.match(reason, /more than is kept/);
    assert.equal(ground.kubernetes.store.get("v1", "ConfigMap", "shop", "c"), null);
  } finally {
    await stand.kill();
    await ground.close();
  }
});

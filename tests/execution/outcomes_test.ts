import assert from "node:assert/strict";
import { TransientError } from "../../src/errors.ts";
import {
  applyAction,
  configMap,
  layGround,
  packageOf,
  readReceipts,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

Deno.test("an outcome that was owed takes no preimages from a package that was taken up again since", async () => {
  const ground = await layGround();
  let isFull = false;
  const { files } = ground.runtime;
  const stand = await Stand.open(ground, {
    files: {
      ...files,
      createExclusive: (path, bytes) =>
        isFull && path.includes("/receipts/")
          ? Promise.reject(new TransientError("disk_full", "no space left"))
          : files.createExclusive(path, bytes),
    },
  });
  try {
    const bytes = packageOf({ actions: applyAction(configMap("c", {})) });
    const { id } = await send(stand, ground, bytes);
    isFull = true;
    await stand.book.move(await stand.book.get(id), "refused", "quota");
    const again = await send(stand, ground, bytes);
    const preimagesDigest = await stand.book.savePreimages(again, []);
    await stand.book.note(again, { preimagesDigest });
    isFull = false;
    await stand.book.concludeOwed();
    assert.deepEqual(await stand.book.preimages(await stand.book.get(id)), []);
    assert.deepEqual((await readReceipts(stand)).map(({ state }) => state), ["refused"]);
  } finally {
    await stand.kill();
    await ground.close();
  }
});

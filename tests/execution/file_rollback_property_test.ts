/** Random packages of files over random trees, applied and taken back: every byte and mode as before. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FilesAction } from "../../src/core/host_file.ts";
import type { Cluster } from "../../src/execution/cluster.ts";
import { noCluster, withHostFiles } from "../../src/execution/host_cluster.ts";
import type { Operation, Preview } from "../../src/execution/operations/operation.ts";
import { operationsOf } from "../../src/execution/operations/operations_of.ts";
import type { WorkPackage } from "../../src/core/work_package.ts";
import { type HostTree, withHostTree } from "../fakes/host_tree.ts";

const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const mode = fc.constantFrom(0o644, 0o600, 0o755, 0o400);
const content = fc.uint8Array({ maxLength: 20 });
const tree = fc.array(fc.record({ path, mode, content }), { maxLength: 6 });
const entry = fc.oneof(
  fc.record({ path, mode, content }).map(({ path, mode, content }) => ({
    path,
    mode: `0${mode.toString(8)}`,
    contentBase64: content.toBase64(),
  })),
  path.map((path) => ({ path, absent: true })),
);
/** How many of the operations are carried out before it is taken back, as a share of them. */
const reach = fc.double({ min: 0, max: 1, noNaN: true });

async function build(host: HostTree, files: { path: string; mode: number; content: Uint8Array }[]) {
  for (const { path, mode, content } of files) {
    // A random path may lead through a file that is there already, or to a folder.
    await host.write(path, content, mode).catch(() => {});
  }
}

function operations(host: HostTree, entries: readonly object[]): [Operation[], Cluster] {
  const hostFiles = host.files();
  const files = FilesAction.parse({ root: "web", entries });
  const workPackage = { spec: { actions: [{ files }] } } as unknown as WorkPackage;
  const context = { executionId: "wpx-1", fieldManager: "m", maskSalt: "s", hostFiles };
  return [operationsOf(workPackage, context), withHostFiles(noCluster, hostFiles)];
}

Deno.test("any files applied and taken back leave the tree byte for byte and mode for mode", async () => {
  let carriedOut = 0;
  // The parser refuses one file in another's way.
  const entries = fc.uniqueArray(entry, {
    selector: ({ path }) => path,
    minLength: 1,
    maxLength: 5,
  })
    .filter((all) =>
      !all.some(({ path }) => all.some((other) => other.path.startsWith(`${path}/`)))
    );
  await fc.assert(
    fc.asyncProperty(tree, entries, reach, (files, entries, reach) =>
      withHostTree(async (host) => {
        await build(host, files);
        const [all, cluster] = operations(host, entries);
        const before = await host.snapshot();
        const previews: Preview[] = [];
        for (const one of all) {
          const preview: Preview | string = await one.preview(cluster).catch((error) => error.code);
          // A file where another entry needs a folder: the whole package would be refused.
          if (typeof preview === "string") {
            assert.equal(preview, "file_refused");
            return;
          }
          previews.push(preview);
        }
        const begun = all.slice(0, Math.ceil(all.length * reach));
        for (const [index, one] of begun.entries()) {
          const preimage = previews[index]!.before;
          await one.perform(cluster, preimage);
          const live = await cluster.get(one.ref);
          const { verb } = previews[index]!.entry;
          if (verb !== "delete" && live) assert.equal(one.assess(live, preimage).state, "current");
          // Again, as after a crash.
          await one.perform(cluster, preimage);
        }
        for (const [index, one] of [...begun.entries()].reverse()) {
          assert.deepEqual(await one.revert(cluster, previews[index]!.before), []);
          assert.deepEqual(await one.revert(cluster, previews[index]!.before), []);
        }
        assert.deepEqual(await host.snapshot(), before);
        carriedOut += 1;
      })),
    { numRuns: 150 },
  );
  assert.ok(carriedOut > 50, `only ${carriedOut} were carried out`);
});

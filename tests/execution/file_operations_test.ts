/** Files actions through the whole pipeline, on a real directory. */
import assert from "node:assert/strict";
import type { FileTree } from "../../src/runtime.ts";
import { systemTree } from "../../src/runtime_deno/file_tree.ts";
import { applyAction, configMap, layGround, Stand } from "../fakes/execution_stand.ts";
import {
  approveToEnd,
  filesAction,
  type FileWorld,
  layFileWorld,
  openFileStand,
  sendFiles,
} from "../fakes/file_stand.ts";

async function withStand(
  work: (stand: Stand, world: FileWorld) => Promise<void>,
  tree: FileTree = systemTree,
): Promise<void> {
  const ground = await layGround();
  try {
    const world = await layFileWorld(ground, "edge");
    const stand = await openFileStand(world, { hostFiles: world.host.files({ tree }) });
    try {
      await work(stand.start(), world);
    } finally {
      await stand.kill();
    }
  } finally {
    await ground.close();
  }
}

/** Fails the package after the actions before it were carried out: its file is changed behind its back. */
function spoil(world: FileWorld, path: string): FileTree {
  return {
    ...systemTree,
    async rename(from, to) {
      const done = await systemTree.rename(from, to);
      if (done && to === `${world.host.path}/${path}`) {
        await Deno.writeTextFile(to, "someone else's");
      }
      return done;
    },
  };
}

Deno.test("a package of files is planned, approved, applied and receipted", () =>
  withStand(async (stand, world) => {
    await world.host.write("old.conf", "gone soon\n");
    await world.host.write("app.conf", "a: 1\nb: 2\n");
    const id = await sendFiles(
      stand,
      world,
      filesAction([
        { path: "app.conf", content: "a: 1\nb: 3\n" },
        { path: "conf.d/new.sh", content: "#!/bin/sh\n", mode: "0755" },
        { path: "old.conf", absent: true },
        { path: "never.conf", absent: true },
      ]),
    );
    const { plan } = await stand.until(id, "pending_approval");
    assert.deepEqual(plan!.entries.map(({ verb, ref }) => `${verb} ${ref.namespace}/${ref.name}`), [
      "change web/app.conf",
      "create web/conf.d/new.sh",
      "delete web/old.conf",
      "unchanged web/never.conf",
    ]);
    assert.deepEqual(plan!.entries[0]!.changes[0]!.lines, [
      "@@ -1,2 +1,2 @@",
      " a: 1",
      "-b: 2",
      "+b: 3",
    ]);
    const ended = await approveToEnd(stand, id);
    assert.equal(ended.state, "succeeded", ended.reason);
    assert.deepEqual(await world.host.snapshot(), {
      "app.conf": `0644 ${btoa("a: 1\nb: 3\n")}`,
      "conf.d": "0755 folder",
      "conf.d/new.sh": `0755 ${btoa("#!/bin/sh\n")}`,
    });
  }));

Deno.test("a file that changed after the approval ends in plan_changed and is left alone", () =>
  withStand(async (stand, world) => {
    await world.host.write("app.conf", "a: 1\n");
    const id = await sendFiles(
      stand,
      world,
      filesAction([{ path: "app.conf", content: "a: 2\n" }]),
    );
    const { plan } = await stand.until(id, "pending_approval");
    await world.host.write("app.conf", "a: 3\n");
    await stand.approvals.approve(id, plan!.digest, stand.people.alice);
    await stand.until(id, "plan_changed");
    assert.deepEqual(await world.host.snapshot(), { "app.conf": `0644 ${btoa("a: 3\n")}` });
  }));

Deno.test("secret content is in no plan", () =>
  withStand(async (stand, world) => {
    await world.host.write("token", "hunter1", 0o600);
    const id = await sendFiles(
      stand,
      world,
      filesAction([
        { path: "token", content: "hunter2", mode: "0600" },
        { path: "said", content: "hunter3", sensitive: true },
      ]),
    );
    const { plan } = await stand.until(id, "pending_approval");
    assert.doesNotMatch(JSON.stringify(plan), /hunter/);
    assert.equal((await approveToEnd(stand, id)).state, "succeeded");
  }));

Deno.test("a package that fails is taken back, and what others changed meanwhile is left and told", async () => {
  const ground = await layGround();
  try {
    const world = await layFileWorld(ground, "edge");
    const { host } = world;
    await host.write("kept/app.conf", "a: 1\n", 0o640);
    await host.write("doomed.conf", "d\n", 0o600);
    const hostFiles = host.files({ tree: spoil(world, "last.conf") });
    const stand = (await openFileStand(world, { hostFiles })).start();
    try {
      const before = await host.snapshot();
      const id = await sendFiles(
        stand,
        world,
        filesAction([
          { path: "kept/app.conf", content: "a: 2\n", mode: "0755" },
          { path: "new/deep/app.conf", content: "n\n" },
          { path: "doomed.conf", absent: true },
          { path: "last.conf", content: "x\n" },
        ]),
      );
      const ended = await approveToEnd(stand, id);
      assert.equal(ended.state, "rolled_back");
      assert.match(
        ended.reason,
        /web\/last\.conf: was changed by someone else; not exactly as it was/,
      );
      assert.deepEqual(await host.snapshot(), {
        ...before,
        "last.conf": `0644 ${btoa("someone else's")}`,
      });
    } finally {
      await stand.kill();
    }
  } finally {
    await ground.close();
  }
});

const REFUSED: [what: string, action: string, message: RegExp][] = [
  [
    "a root that is not configured",
    filesAction([{ path: "a", content: "" }], "db"),
    /no rule allows it/,
  ],
  [
    "a mode above the root's",
    filesAction([{ path: "a", content: "", mode: "0777" }]),
    /mode 0777 is more than the 0755/,
  ],
  [
    "a file as a folder",
    filesAction([{ path: "taken/a", content: "" }]),
    /taken is a file, and must be a directory/,
  ],
];
for (const [what, action, message] of REFUSED) {
  Deno.test(`a package for ${what} is refused before anything is written`, () =>
    withStand(async (stand, world) => {
      await world.host.write("taken", "x");
      const before = await world.host.snapshot();
      const refused = await sendFiles(stand, world, action)
        .then(async (id) => (await stand.until(id, "refused")).reason, (error) => error.message);
      assert.match(refused, message);
      assert.deepEqual(await world.host.snapshot(), before);
    }));
}

Deno.test("files and objects in one package are carried out together, where both are configured", async () => {
  const ground = await layGround();
  try {
    const world = await layFileWorld(ground, "both");
    const policy = `
apiVersion: neuralops.io/v1
kind: ExecutionPolicy
allow:
  - { name: web, namespaces: [web], kinds: [files.neuralops.io/v1/File], actions: [files] }
  - { name: shop, namespaces: [shop], kinds: [v1/ConfigMap], actions: [apply] }
`;
    const stand = (await openFileStand(world, { policy })).start();
    try {
      const actions = [
        filesAction([{ path: "a", content: "x" }]),
        applyAction(configMap("made", { a: "1" })),
      ];
      const id = await sendFiles(stand, world, actions.join("\n"));
      const ended = await approveToEnd(stand, id);
      assert.equal(ended.state, "succeeded", ended.reason);
      assert.notEqual(ground.kubernetes.store.get("v1", "ConfigMap", "shop", "made"), null);
      assert.deepEqual(Object.keys(await world.host.snapshot()), ["a"]);
    } finally {
      await stand.kill();
    }
  } finally {
    await ground.close();
  }
});

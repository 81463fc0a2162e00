import assert from "node:assert/strict";
import { openHostFiles } from "../../src/agent/host_files.ts";
import { parseConfig } from "../../src/config/load.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { StalledError } from "../../src/errors.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";

type Roots = NonNullable<NonNullable<ConfigInput["execution"]>["files"]>["roots"];

/** @param roots whose paths are below the test's own folder */
async function open(folder: string, roots: Roots, stateDir = `${folder}/state`) {
  const config: ConfigInput = {
    clusterName: "edge-1",
    stateDir,
    controlPlane: { url: "https://control.example" },
    vault: { address: "https://vault.example:8200", auth: { method: "token" } },
    execution: {
      ...(roots?.length ? { policyFile: `${folder}/policy/policy.yaml` } : {}),
      files: { roots },
    },
  };
  const parsed = parseConfig(JSON.stringify(config), () => undefined, "connector.yaml");
  return await openHostFiles({ config: parsed, runtime: systemRuntime() });
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = `./reports/test/${crypto.randomUUID()}`;
  for (const name of ["state/executions", "web/inner", "policy"]) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
  }
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a root without a path is made under stateDir, and takes files", () =>
  withFolder(async (folder) => {
    const files = await open(folder, [{ name: "web" }, { name: "there", path: `${folder}/web` }]);
    for (const root of ["web", "there"]) {
      const place = { root, path: "a" };
      const file = { content: encodeUtf8("x"), mode: 0o644 };
      await files.put(place, file, await files.look(place));
    }
    assert.equal(await Deno.readTextFile(`${folder}/state/files/web/a`), "x");
    assert.equal(await Deno.readTextFile(`${folder}/web/a`), "x");
  }));

Deno.test("a connector without roots takes no file, and says how to change that", async () => {
  const files = await open("./reports", []);
  await assert.rejects(files.look({ root: "web", path: "a" }), {
    code: "not_found",
    message: /no root web: it has none/,
    hint: /execution\.files\.roots/,
  });
});

const BAD: [what: string, roots: (folder: string) => Roots, message: RegExp][] = [
  [
    "that is not there",
    (folder) => [{ name: "web", path: `${folder}/none` }],
    /there is no directory/,
  ],
  ["that is a file", () => [{ name: "web", path: "./deno.json" }], /is no directory/],
  ["that holds stateDir", (folder) => [{ name: "web", path: folder }], /of the connector lies in/],
  [
    "that is stateDir",
    (folder) => [{ name: "web", path: `${folder}/state` }],
    /of the connector lies in/,
  ],
  [
    "within the connector's own state",
    (folder) => [{ name: "web", path: `${folder}/state/executions` }],
    /lies in stateDir, but not under its folder files/,
  ],
  [
    "that holds the policy",
    (folder) => [{ name: "web", path: `${folder}/policy` }],
    /policy\.yaml of the connector lies in/,
  ],
  [
    "within another",
    (
      folder,
    ) => [{ name: "web", path: `${folder}/web` }, { name: "b", path: `${folder}/web/inner` }],
    /lie one in the other/,
  ],
  [
    "where the process may not write",
    () => [{ name: "web", path: "./docs" }],
    /No permission to look at or change/,
  ],
];
for (const [what, roots, message] of BAD) {
  Deno.test(`a root ${what} is refused at start, with what to do`, () =>
    withFolder((folder) =>
      assert.rejects(open(folder, roots(folder)), (error) => {
        assert.ok(error instanceof StalledError, String(error));
        assert.equal(error.code, "config_invalid");
        assert.match(error.message, /^execution\.files\.roots\[\w+\]: /);
        assert.match(error.message, message);
        assert.match(error.hint!, /permission set in deno\.json/);
        return true;
      })
    ));
}

Deno.test("a root that is itself a link is followed once, at start", async () => {
  // Read only: the probe comes after the link was resolved, and is what fails here.
  await assert.rejects(
    open("./reports", [{ name: "web", path: "./tests/testdata/host_files/linked_root" }]),
    /change \/.*\/host_files\/root\/\.neuralops-probe/,
  );
});

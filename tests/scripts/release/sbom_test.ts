import assert from "node:assert/strict";
import { Ajv } from "ajv/dist/ajv.js";
import { type Lock, type Release, sbomOf } from "../../../scripts/release/sbom.ts";

const FOLDER = "tests/testdata/cyclonedx";
const INTEGRITY = `sha512-${new Uint8Array(64).fill(7).toBase64()}`;

const LOCK: Lock = {
  specifiers: { "npm:@scope/a@1.0.0": "1.0.0_peer@9.0.0", "npm:unused@1.0.0": "1.0.0" },
  npm: {
    "@scope/a@1.0.0_peer@9.0.0": { integrity: INTEGRITY, dependencies: ["b", "c@2.0.0", "unused"] },
    "b@1.5.0": { integrity: INTEGRITY },
    "c@1.0.0": { integrity: INTEGRITY },
    "c@2.0.0": { integrity: INTEGRITY, dependencies: ["c@1.0.0"] },
    "unused@1.0.0": { integrity: INTEGRITY },
  },
};
const RELEASE: Release = {
  version: "0.1.0",
  commit: "0123456789abcdef0123456789abcdef01234567",
  deno: "2.9.6",
  parts: [
    { name: "@scope/a", version: "1.0.0", licence: "MIT" },
    { name: "b", version: "1.5.0", licence: "(MIT OR Apache-2.0)" },
    { name: "c", version: "1.0.0", licence: null },
    { name: "c", version: "2.0.0", licence: "ISC" },
  ],
};

// deno-lint-ignore no-explicit-any -- read as whoever takes the file would
const read = (release: Release): any => JSON.parse(JSON.stringify(sbomOf(release, LOCK)));

Deno.test("the SBOM is what CycloneDX's schema says", async () => {
  const schema = async (name: string) =>
    JSON.parse(await Deno.readTextFile(`${FOLDER}/${name}.SNAPSHOT.schema.json`));
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const name of ["spdx", "jsf-0.82"]) {
    // As the schema refers to it, by the name of its file.
    ajv.addSchema(await schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  }
  const validate = ajv.compile(await schema("bom-1.6"));
  for (const commit of [RELEASE.commit, null]) {
    assert.ok(validate(read({ ...RELEASE, commit })), JSON.stringify(validate.errors));
  }
  assert.ok(!validate({ ...read(RELEASE), specVersion: 6 }), "the schema refuses nothing");
});

Deno.test("the SBOM names every part with its digest and licence, and the runtime", () => {
  const { components, metadata } = read(RELEASE);
  assert.deepEqual(
    components.map(({ purl }: { purl: string }) => purl),
    [
      "pkg:generic/deno@2.9.6",
      "pkg:npm/%40scope/a@1.0.0",
      "pkg:npm/b@1.5.0",
      "pkg:npm/c@1.0.0",
      "pkg:npm/c@2.0.0",
    ],
  );
  const [, a, b, c] = components;
  assert.deepEqual([a.group, a.name], ["@scope", "a"]);
  assert.deepEqual(a.hashes, [{ alg: "SHA-512", content: "07".repeat(64) }]);
  assert.deepEqual(b.licenses, [{ expression: "(MIT OR Apache-2.0)" }]);
  assert.ok(!("licenses" in c));
  assert.equal(metadata.component.properties[0].value, RELEASE.commit);
});

Deno.test("the SBOM says which part needs which, of those that are in the release", () => {
  const { dependencies, metadata } = read(RELEASE);
  const needs = (ref: string) =>
    dependencies.find((entry: { ref: string }) => entry.ref === ref).dependsOn;
  assert.deepEqual(needs(metadata.component.purl), [
    "pkg:generic/deno@2.9.6",
    "pkg:npm/%40scope/a@1.0.0",
  ]);
  assert.deepEqual(needs("pkg:npm/%40scope/a@1.0.0"), ["pkg:npm/b@1.5.0", "pkg:npm/c@2.0.0"]);
  assert.deepEqual(needs("pkg:npm/c@2.0.0"), ["pkg:npm/c@1.0.0"]);
});

Deno.test("the same release has the same SBOM, another has another serial number", () => {
  assert.deepEqual(read(RELEASE), read(RELEASE));
  assert.notEqual(read(RELEASE).serialNumber, read({ ...RELEASE, version: "0.1.1" }).serialNumber);
});

Deno.test("a part that the lock file does not have is refused", () => {
  const parts = [{ name: "stranger", version: "1.0.0", licence: null }];
  assert.throws(() => sbomOf({ ...RELEASE, parts }, LOCK), /deno\.lock has no stranger@1\.0\.0/);
});

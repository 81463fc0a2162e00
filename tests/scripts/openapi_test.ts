// The OpenAPI Initiative's own schema, as data: the package's code would read it from the disk.
import openApi31 from "@seriousme/openapi-schema-validator/schemas/v3.1/schema.json" with {
  type: "json",
};
import { Ajv2020 } from "ajv/dist/2020.js";
import assert from "node:assert/strict";
import { parse } from "yaml";
import * as z from "zod";
import { adminDocument, connectorDocument } from "../../scripts/openapi/connector.ts";
import { controlPlaneDocument } from "../../scripts/openapi/control_plane.ts";
import { type Json, problems } from "../../scripts/openapi/document.ts";

const DOCUMENTS = ["admin", "connector", "control-plane"];
const ROUTE = /\bapp\.(get|post|put)\(\s*"([^"]+)"/g;

/** `get /executions/{id}` of every route that a source file adds. */
async function routesIn(path: string): Promise<string[]> {
  const source = await Deno.readTextFile(path);
  return [...source.matchAll(ROUTE)]
    .map(([, method, route]) => `${method} ${route!.replaceAll(/:(\w+)/g, "{$1}")}`).sort();
}

function operationsOf(document: Json): string[] {
  const paths = z.record(z.string(), z.record(z.string(), z.unknown())).parse(document.paths);
  return Object.entries(paths)
    .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`))
    .sort();
}

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const isOpenApi = ajv.compile(openApi31);

for (const name of DOCUMENTS) {
  Deno.test(`docs/openapi/${name}.yaml is valid OpenAPI 3.1`, async () => {
    const document = parse(await Deno.readTextFile(`docs/openapi/${name}.yaml`));
    assert.ok(isOpenApi(document), JSON.stringify(isOpenApi.errors, null, 2));
    ajv.addSchema(document, name);
    const schemas = schemasIn(document.paths, `${name}#/paths`);
    assert.ok(schemas.length > 5);
    // Compiling finds schemas that are wrong, and references that lead nowhere.
    for (const $ref of schemas) assert.doesNotThrow(() => ajv.compile({ $ref }), $ref);
  });
}

Deno.test("the validator refuses a document that is none", () => {
  assert.equal(isOpenApi({ openapi: "3.1.0", paths: {} }), false);
  assert.throws(() => ajv.compile({ $ref: "connector#/components/schemas/Nothing" }));
});

/** Pointers to every schema under a node. */
function schemasIn(node: unknown, pointer: string): string[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, child]) => {
    const below = `${pointer}/${
      encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))
    }`;
    return key === "schema" ? [below] : schemasIn(child, below);
  });
}

Deno.test("connectorDocument() has exactly the listener's routes", async () => {
  assert.deepEqual(
    operationsOf(connectorDocument("0")),
    await routesIn("src/http/listener.ts"),
  );
});

Deno.test("adminDocument() has exactly the socket's routes", async () => {
  assert.deepEqual(operationsOf(adminDocument("0")), await routesIn("src/http/admin.ts"));
});

Deno.test("controlPlaneDocument() has exactly the routes of the embedded control plane", async () => {
  assert.deepEqual(
    operationsOf(controlPlaneDocument("0")),
    await routesIn("src/embedded/control_plane/start.ts"),
  );
});

Deno.test("problems() puts each code under the status that the connector answers with", () => {
  const responses = problems(["unauthenticated", "replayed", "policy_denied", "too_large"]);
  assert.deepEqual(Object.keys(responses), ["401", "403", "409", "413"]);
});

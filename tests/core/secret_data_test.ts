import assert from "node:assert/strict";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import { withStoredData } from "../../src/core/secret_data.ts";

const secret = (fields: object) =>
  ({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, ...fields }) as KubeObject;

Deno.test("withStoredData puts stringData into data, over what is there", () => {
  const given = secret({ type: "Opaque", stringData: { a: "1", b: "ü" }, data: { a: "eA==" } });
  assert.deepEqual(
    withStoredData(given),
    secret({ type: "Opaque", data: { a: "MQ==", b: "w7w=" } }),
  );
  assert.deepEqual(withStoredData(secret({ stringData: {} })), secret({ data: {} }));
});

Deno.test("withStoredData leaves everything else as it is", () => {
  const others = [
    secret({ data: { a: "MQ==" } }),
    secret({ stringData: { a: 1 } }),
    secret({ stringData: "a" }),
    secret({ stringData: { a: "1" }, data: "x" }),
    { ...secret({ stringData: { a: "1" } }), apiVersion: "example.com/v1" },
    { ...secret({ stringData: { a: "1" } }), kind: "ConfigMap" },
  ];
  for (const other of others) assert.equal(withStoredData(other), other);
});

/** Callers that are careless, slow or hostile: each gets its answer, and the process lives on. */
import assert from "node:assert/strict";
import { execute, probe } from "./listener_client.ts";
import { registeredCluster } from "./orchestrator.ts";
import { withAgent, withGround } from "./running_agent.ts";
import { within } from "./waiting.ts";

const LIMIT_MS = 60_000;
const MIB = 1024 * 1024;

Deno.test("POST /execute answers 413 to 100 MB and lives on", () =>
  withGround((ground) =>
    withAgent(ground, {}, async ({ port }) => {
      await registeredCluster(ground);
      const declared = await execute(ground, port, new Uint8Array(100 * MIB));
      assert.equal(declared.status, 413);
      assert.equal(JSON.parse(declared.text).code, "too_large");
      const streamed = await execute(ground, port, undeclared(100));
      assert.equal(streamed.status, 413);
      assert.equal((await probe(ground, port, "/livez")).status, 200);
    })
  ));

Deno.test("POST /execute names what is wrong with a body", () =>
  withGround((ground) =>
    withAgent(ground, {}, async ({ port }) => {
      await registeredCluster(ground);
      const cases: readonly (readonly [string, number, string])[] = [
        ["{", 400, "malformed_request"],
        ["[]", 400, "malformed_request"],
        ["{}", 400, "malformed_request"],
        [`{"payload":"%%%","bundle":{}}`, 400, "malformed_request"],
        [`{"payload":"aGk=","bundle":{}}`, 403, "missing_signature"],
        [`{"payload":"aGk=","bundle":{"a":[1]}}`, 400, "malformed_bundle"],
      ];
      for (const [body, status, code] of cases) {
        const answer = await execute(ground, port, body);
        assert.deepEqual([answer.status, JSON.parse(answer.text).code], [status, code], body);
      }
    })
  ));

Deno.test("POST /execute cuts off a client that sends its body too slowly", () =>
  withGround((ground) =>
    withAgent(ground, {}, async ({ port }) => {
      const audience = await registeredCluster(ground);
      const token = await ground.controlPlane.orchestratorToken({ audience });
      const connection = await Deno.connectTls({
        hostname: "127.0.0.1",
        port,
        caCerts: [ground.pki.caPem],
      });
      try {
        const head = [
          "POST /execute HTTP/1.1",
          "host: connector",
          `authorization: Bearer ${token}`,
          "content-length: 1000",
          "",
          "{",
        ];
        await connection.write(new TextEncoder().encode(head.join("\r\n")));
        const answer = new Uint8Array(4096);
        const count = await within(LIMIT_MS, "an answer", connection.read(answer));
        assert.match(new TextDecoder().decode(answer.subarray(0, count ?? 0)), /^HTTP\/1.1 408/);
        assert.equal((await probe(ground, port, "/livez")).status, 200);
      } finally {
        connection.close();
      }
    })
  ));

Deno.test("listener speaks TLS only", () =>
  withGround((ground) =>
    withAgent(ground, {}, async ({ port }) => {
      await assert.rejects(fetch(`http://127.0.0.1:${port}/livez`));
      assert.equal((await probe(ground, port, "/livez")).status, 200);
    })
  ));

/** So many MiB whose length no header names. */
function undeclared(mebibytes: number): ReadableStream<Uint8Array> {
  let left = mebibytes;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      left -= 1;
      controller.enqueue(new Uint8Array(MIB));
    },
  });
}

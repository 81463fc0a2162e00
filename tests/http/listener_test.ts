import assert from "node:assert/strict";
import { prepareDocument } from "../../src/core/approval_document.ts";
import { canonicalJson } from "../../src/core/canonical_json.ts";
import { encodeBase64, encodeUtf8 } from "../../src/core/encoding.ts";
import { MAX_EXECUTE_BODY_BYTES, MAX_PACKAGE_BYTES } from "../../src/core/protocol.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { createKeySigner } from "../../src/embedded/signer.ts";
import { BODY_DEADLINE_MS } from "../../src/http/json_body.ts";
import {
  applyAction,
  deployment,
  packageOf,
  readAudit,
  recordsOf,
} from "../fakes/execution_stand.ts";
import { expectProblem } from "../fakes/expect_problem.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { leadingWhile } from "../fakes/leadership.ts";
import { IDENTITY, tokenAt, withListener } from "../fakes/listener_fixture.ts";

const URL_BASE = "https://connector";
const actions = applyAction(deployment("web", "web:1"));
const PROTECTED: [string, string][] = [
  ["POST", "/execute"],
  ["GET", "/executions"],
  ["GET", "/executions/wpx-1"],
  ["POST", "/executions/wpx-1/approvals"],
  ["GET", "/healthz"],
];

Deno.test("the listener accepts a package, and gives the same id when it comes again", () =>
  withListener(async ({ push, call }) => {
    const bytes = packageOf({ actions });
    const first = await push(bytes);
    assert.equal(first.status, 202);
    const answer = await first.json();
    assert.match(answer.executionId, /^wpx-[0-9a-f]{32}$/);
    assert.match(answer.digest, /^sha256:[0-9a-f]{64}$/);
    assert.equal(answer.state, "accepted");
    const again = await push(bytes);
    assert.equal(again.status, 202);
    assert.equal((await again.json()).executionId, answer.executionId);
    const list = await (await call("GET", "/executions")).json();
    assert.deepEqual(list.executions.map(({ id }: { id: string }) => id), [answer.executionId]);
    const shown = await call("GET", `/executions/${answer.executionId}`);
    const text = await shown.text();
    assert.equal(JSON.parse(text).purpose, "test");
    assert.ok(!text.includes(encodeBase64(bytes)), "the package's bytes are not shown");
  }));

Deno.test("the listener answers a replay with 409, naming the execution and its state", () =>
  withListener(async ({ push, stand }) => {
    const bytes = packageOf({ actions });
    stand.start();
    const { executionId } = await (await push(bytes)).json();
    await stand.until(executionId, "pending_approval");
    await stand.approvals.reject(executionId, stand.people.alice, "no");
    const problem = await expectProblem(await push(bytes), 409, "replayed");
    assert.deepEqual([problem.executionId, problem.state], [executionId, "cancelled"]);
    assert.ok(problem.hint);
  }));

Deno.test("the listener takes an approver's signature to the execution that it names, and to no other", async () => {
  const signer = await createKeySigner();
  const dora = {
    kind: "key",
    name: "dora",
    publicKeyPem: signer.publicKeyPem,
    transparencyLog: "optional",
  } as const;
  await withListener(async ({ push, call, stand }) => {
    stand.start();
    const pending = async (stream: string) => {
      const { executionId } = await (await push(packageOf({ actions, stream }))).json();
      return await stand.until(executionId, "pending_approval");
    };
    const [one, other] = [await pending("one"), await pending("other")];
    const decision = { decision: "approve", reason: "" } as const;
    const document = encodeUtf8(canonicalJson(prepareDocument(one, decision, Date.now())));
    const body = (by: typeof signer) =>
      JSON.stringify({ document: encodeBase64(document), bundle: by.sign(document) });
    const path = (id: string) => `/executions/${id}/approvals`;
    const wrong = await call("POST", path(other.id), body(signer));
    await expectProblem(wrong, 409, "approval_wrong_package");
    const stranger = await call("POST", path(one.id), body(await createKeySigner()));
    await expectProblem(stranger, 403, "unknown_signer");
    const bad = await call("POST", path(one.id), JSON.stringify({ document: "A", bundle: {} }));
    await expectProblem(bad, 400, "malformed_request");
    const taken = await call("POST", path(one.id), body(signer));
    assert.equal(taken.status, 200);
    assert.equal((await taken.json()).approvals[0].approver, "dora");
    await stand.until(one.id, "succeeded");
    assert.equal((await call("POST", path(one.id), body(signer))).status, 200, "brought again");
    assert.equal((await stand.book.get(other.id)).state, "pending_approval");
  }, { approvers: [dora] });
});

Deno.test("the listener answers each refusal with its own code", () =>
  withListener(async ({ push, ground }) => {
    const bytes = packageOf({ actions, stream: "refusals", sequence: 5 });
    const tampered = new Uint8Array(bytes);
    tampered[tampered.length - 2]! ^= 1;
    await expectProblem(await push(tampered, ground.signer.sign(bytes)), 403, "bad_signature");
    await expectProblem(await push(bytes, {}), 403, "missing_signature");
    await expectProblem(await push(bytes, { mediaType: "x" }), 400, "malformed_bundle");
    await expectProblem(await push(encodeUtf8("hello")), 400, "malformed_package");
    const elsewhere = packageOf({ actions, target: "{ clusterIds: [c-other] }" });
    await expectProblem(await push(elsewhere), 403, "wrong_target");
    await expectProblem(
      await push(packageOf({ actions, expiresAt: Date.now() - 1 })),
      403,
      "expired",
    );
    assert.equal((await push(bytes)).status, 202);
    const older = packageOf({ actions, stream: "refusals", sequence: 4 });
    await expectProblem(await push(older), 409, "sequence_not_newer");
    const large = new Uint8Array(MAX_PACKAGE_BYTES + 1).fill(0x20);
    await expectProblem(await push(large), 413, "too_large");
  }));

Deno.test("the listener takes one bundle, or a list with one for each signer", () =>
  withListener(async ({ call, ground }) => {
    const bytes = packageOf({ actions, stream: "bundles" });
    const bundle = ground.signer.sign(bytes);
    const payload = encodeBase64(bytes);
    const post = (body: unknown) => call("POST", "/execute", JSON.stringify(body));
    await expectProblem(
      await post({ payload, bundle, bundles: [bundle] }),
      400,
      "malformed_request",
    );
    await expectProblem(await post({ payload, bundles: [] }), 400, "malformed_request");
    await expectProblem(
      await post({ payload, bundles: Array.from({ length: 11 }, () => bundle) }),
      400,
      "malformed_request",
    );
    const answer = await post({ payload, bundles: [bundle, bundle] });
    assert.equal(answer.status, 202);
    const { executionId } = await answer.json();
    const shown = await (await call("GET", `/executions/${executionId}`)).json();
    assert.equal(shown.signer, "release");
    assert.equal(shown.signers.length, 1);
    assert.match(shown.signers[0].identity, /^sha256:[0-9a-f]{64}$/);
  }));

for (const [method, path] of PROTECTED) {
  Deno.test(`the listener wants a token for ${method} ${path}`, () =>
    withListener(async ({ handle }) => {
      const response = await handle(new Request(`${URL_BASE}${path}`, { method }));
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
      await expectProblem(response, 401, "unauthenticated");
      const head = await handle(new Request(`${URL_BASE}${path}`, { method: "HEAD" }));
      assert.equal(head.status, 401);
    }));
}

Deno.test("the listener answers 503 with Retry-After before the first registration", () =>
  withListener(async ({ push }) => {
    const response = await push(packageOf({ actions }));
    assert.match(response.headers.get("retry-after") ?? "", /^\d+$/);
    await expectProblem(response, 503, "unavailable");
  }, { identity: null }));

Deno.test("the listener answers 429 with Retry-After when too many executions are open", () =>
  withListener(async ({ push, stand }) => {
    const one = (index: number) => packageOf({ actions, stream: `stream-${index}` });
    for (let index = 0; index < 10; index++) assert.equal((await push(one(index))).status, 202);
    const response = await push(one(10));
    assert.match(response.headers.get("retry-after") ?? "", /^\d+$/);
    await expectProblem(response, 429, "rate_limited");
    assert.equal(stand.book.openCount, 10);
  }));

for (const identity of [IDENTITY, null]) {
  const who = identity ? "that was registered once" : "that never was registered";
  Deno.test(`a standby ${who} answers POST /execute with who leads and when to come again`, () =>
    withListener(async ({ push, stand, lines }) => {
      const response = await push(packageOf({ actions }));
      assert.match(response.headers.get("retry-after") ?? "", /^\d+$/);
      const { detail } = await expectProblem(response, 503, "not_leader");
      assert.equal(detail, "This connector stands by: node-2_ab12 leads");
      assert.deepEqual([await recordsOf(stand), lines], [[], []]);
      assert.deepEqual(await readAudit(stand.directory), []);
    }, { identity, leadership: leadingWhile(() => false, "node-2_ab12") }));
}

Deno.test("a standby is ready while it stands by, and says in its metrics that it does not lead", () =>
  withListener(async ({ handle, stand }) => {
    const get = (path: string) => handle(new Request(`${URL_BASE}${path}`));
    stand.health.report("audit", "ok", "writable");
    assert.match(await (await get("/readyz")).text(), /not ready: leadership/);
    stand.health.report("leadership", "ok", "stands by; a leads");
    stand.health.report("registration", "off", "stands by");
    assert.equal((await get("/readyz")).status, 200);
    assert.match(await (await get("/metrics")).text(), /neuralops_connector_leader 0/);
  }, { leadership: leadingWhile(() => false) }));

Deno.test("a process that is stuck says so where the probe asks", () =>
  withListener(async ({ handle }) => {
    const answer = await handle(new Request(`${URL_BASE}/livez`));
    assert.equal(answer.status, 503);
    assert.equal(await answer.text(), "stuck: the disk has not answered");
  }, { liveness: () => Promise.resolve("the disk has not answered") }));

Deno.test("the listener shows probes and metrics to anyone, and nothing else", () =>
  withListener(async ({ handle, stand }) => {
    const get = (path: string) => handle(new Request(`${URL_BASE}${path}`));
    assert.equal(await (await get("/livez")).text(), "ok");
    const notReady = await get("/readyz");
    assert.equal(notReady.status, 503);
    assert.match(await notReady.text(), /not ready: registration/);
    stand.health.report("registration", "ok", "registered");
    stand.health.report("audit", "ok", "writable");
    stand.health.report("signals", "degraded", "Prometheus is away");
    assert.equal((await get("/readyz")).status, 200);
    const metrics = await get("/metrics");
    assert.match(metrics.headers.get("content-type") ?? "", /^text\/plain/);
    const text = await metrics.text();
    assert.match(text, /neuralops_connector_part_up\{part="registration"\} 1/);
    assert.match(text, /neuralops_connector_part_up\{part="signals"\} 0/);
    for (const path of ["/", "/admin", "/execute/x", "/%65xecute/", "/executionsx", "/livez/.."]) {
      assert.ok([401, 404].includes((await get(path)).status), path);
    }
  }));

Deno.test("the listener answers unknown paths, methods and executions with 404", () =>
  withListener(async ({ call }) => {
    await expectProblem(await call("GET", "/nothing"), 404, "not_found");
    await expectProblem(await call("GET", "/execute"), 404, "not_found");
    await expectProblem(await call("DELETE", "/executions/wpx-1"), 404, "not_found");
    await expectProblem(await call("GET", "/executions/wpx-1"), 404, "not_found");
    await expectProblem(await call("GET", "/executions/%zz%00"), 404, "not_found");
  }));

const bundle = { mediaType: "x" };
const json = JSON.stringify;
const MALFORMED: Record<string, [BodyInit, RegExp]> = {
  "no body": ["", /not JSON/],
  "no JSON": ["{", /not JSON/],
  "bytes that are not UTF-8": [new Uint8Array([0x22, 0xff, 0x22]), /not UTF-8/],
  "another type": ["[]", /must be of type mapping/],
  "a missing field": [json({ bundle }), /payload: is missing/],
  "an unknown field": [
    json({ payload: "", bundle, force: true }),
    /force: unknown field, allowed are payload, bundle/,
  ],
  "no base64": [json({ payload: "a b", bundle }), /payload: must be standard base64/],
  "base64 of another alphabet": [json({ payload: "a-_=", bundle }), /must be standard base64/],
  "base64 that is cut off": [json({ payload: "A", bundle }), /payload is not standard base64/],
  "base64 with bits left over": [json({ payload: "AB==", bundle }), /not standard base64/],
  "a bundle as text": [json({ payload: "", bundle: "x" }), /bundle: must be of type mapping/],
};

for (const [what, [body, message]] of Object.entries(MALFORMED)) {
  Deno.test(`the listener answers ${what} with 400`, () =>
    withListener(async ({ call }) => {
      const problem = await expectProblem(
        await call("POST", "/execute", body),
        400,
        "malformed_request",
      );
      assert.match(problem.detail, message);
    }));
}

Deno.test("the listener survives JSON that is nested as deep as the body allows", () =>
  withListener(async ({ call, lines }) => {
    const deep = "[".repeat(500_000) + "]".repeat(500_000);
    const body = `{"payload":"","bundle":{"mediaType":${deep}}}`;
    const response = await call("POST", "/execute", body);
    assert.ok([400, 403].includes(response.status), `${response.status} ${lines.join("\n")}`);
    await response.body?.cancel();
  }));

Deno.test("the listener answers 413 to a body that says it is too large, without reading it", () =>
  withListener(async ({ handle, token }) => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(65_536));
      },
    }, { highWaterMark: 0 });
    const headers = {
      authorization: `Bearer ${await token()}`,
      "content-length": String(100 * 1024 * 1024),
    };
    const request = new Request(`${URL_BASE}/execute`, { method: "POST", headers, body });
    await expectProblem(await handle(request), 413, "too_large");
    assert.equal(pulled, 0);
  }));

Deno.test("the listener answers 413 to an endless body once it is too much", () =>
  withListener(async ({ handle, token }) => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    }, { highWaterMark: 0 });
    const headers = { authorization: `Bearer ${await token()}` };
    const request = new Request(`${URL_BASE}/execute`, { method: "POST", headers, body });
    await expectProblem(await handle(request), 413, "too_large");
    assert.ok(sent <= MAX_EXECUTE_BODY_BYTES + 4 * 65_536, `${sent} bytes were read`);
  }));

Deno.test("the listener answers 408 to a body that does not come, and lets go of it", async () => {
  const clock = new FakeClock();
  await withListener(async ({ handle, token }) => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encodeUtf8("{")),
      cancel: () => void (cancelled = true),
    });
    const headers = { authorization: `Bearer ${await token()}` };
    const request = new Request(`${URL_BASE}/execute`, { method: "POST", headers, body });
    const answering = handle(request);
    await clock.whenSleeping();
    clock.advance(BODY_DEADLINE_MS - 1);
    assert.equal(clock.sleeping, 1);
    clock.advance(1);
    await expectProblem(await answering, 408, "timeout");
    assert.equal(cancelled, true);
  }, { clock });
});

Deno.test("the listener answers 400 to a body that breaks off, and keeps no timer", async () => {
  const clock = new FakeClock();
  await withListener(async ({ call }) => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("connection reset")),
    });
    await expectProblem(await call("POST", "/execute", body), 400, "malformed_request");
    assert.equal(clock.sleeping, 0);
  }, { clock });
});

Deno.test("the listener answers 500 to a bug, logs it and tells the caller nothing of it", () =>
  withListener(async ({ call, stand, lines }) => {
    stand.book.list = () => {
      throw new RangeError("inner detail");
    };
    const problem = await expectProblem(await call("GET", "/executions"), 500, "internal");
    assert.ok(!JSON.stringify(problem).includes("inner detail"));
    assert.match(lines.join("\n"), /"request_failed","reason":"RangeError: inner detail"/);
  }));

Deno.test("the listener speaks TLS: a real client pushes, an untrusting one and plain HTTP do not get in", () =>
  withListener(async ({ handle, token, ground }) => {
    const { http } = ground.runtime;
    const pki = await createPki();
    const certificate = await pki.issue("connector");
    const server = http.serveTls({ address: "127.0.0.1", port: 0, ...certificate }, handle);
    const trusting = http.client({ caPem: pki.caPem });
    const other = http.client({ caPem: (await createPki()).caPem });
    const url = `https://127.0.0.1:${server.port}`;
    try {
      const bytes = packageOf({ actions });
      const body = JSON.stringify({
        payload: encodeBase64(bytes),
        bundle: ground.signer.sign(bytes),
      });
      const headers = { authorization: `Bearer ${await token()}` };
      const pushed = await trusting.fetch(`${url}/execute`, { method: "POST", headers, body });
      assert.equal(pushed.status, 202);
      assert.equal((await pushed.json()).state, "accepted");
      const huge = new Uint8Array(MAX_EXECUTE_BODY_BYTES + 1).fill(0x20);
      const refused = await trusting.fetch(`${url}/execute`, {
        method: "POST",
        headers,
        body: huge,
      });
      await expectProblem(refused, 413, "too_large");
      assert.equal(await (await trusting.fetch(`${url}/livez`, {})).text(), "ok");
      await assert.rejects(other.fetch(`${url}/livez`, {}));
      await assert.rejects(trusting.fetch(url.replace("https", "http"), {}));
    } finally {
      trusting.close();
      other.close();
      await server.close();
    }
  }));

Deno.test("a token of one cluster does not open another", () =>
  withListener(async ({ handle }) => {
    const token = await tokenAt(Date.now());
    const headers = { authorization: `Bearer ${token}` };
    await expectProblem(
      await handle(new Request(`${URL_BASE}/healthz`, { headers })),
      401,
      "unauthenticated",
    );
  }, { identity: { ...IDENTITY, clusterId: "c-another" } }));

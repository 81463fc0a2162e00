import assert from "node:assert/strict";
import fc from "fast-check";
import { DECISION, findDecision, parseDecision } from "../../src/core/annotated_decision.ts";
import { InvalidInputError } from "../../src/errors.ts";

const PLAN = `sha256:${"a".repeat(64)}`;
const AT = "2026-11-22T10:00:00Z";

function metadata(annotations: Record<string, string>, time = AT) {
  const fields = Object.fromEntries(Object.keys(annotations).map((key) => [`f:${key}`, {}]));
  return {
    name: "wpx-1",
    annotations: { ...annotations, "example.com/own": "x" },
    managedFields: [
      { manager: "connector", time: "2026-11-22T11:00:00Z", fieldsV1: { "f:spec": {} } },
      { manager: "kubectl", time, fieldsV1: { "f:metadata": { "f:annotations": fields } } },
    ],
  };
}
const approve = { [DECISION.approve]: PLAN, [DECISION.approveAs]: "alice" };
const read = (value: unknown) => parseDecision(findDecision(value)!);

Deno.test("parseDecision reads who says what, and when the API server took it", () => {
  const atMs = Date.parse(AT);
  assert.deepEqual(read(metadata(approve)), { user: "alice", atMs, planDigest: PLAN });
  const reject = { [DECISION.reject]: "no", [DECISION.approveAs]: "alice" };
  assert.deepEqual(read(metadata(reject)), { user: "alice", atMs, reason: "no" });
});

const BAD: Record<string, unknown> = {
  "nobody's name": metadata({ [DECISION.approve]: PLAN }),
  "an empty name": metadata({ ...approve, [DECISION.approveAs]: "" }),
  "a name without a decision": metadata({ [DECISION.approveAs]: "alice" }),
  "both decisions": metadata({ ...approve, [DECISION.reject]: "no" }),
  "a reason without end": metadata({
    [DECISION.reject]: "x".repeat(1001),
    [DECISION.approveAs]: "alice",
  }),
  "no word of when": { name: "wpx-1", annotations: approve },
  "a time that is none": { ...metadata(approve), managedFields: [] },
};
for (const [name, value] of Object.entries(BAD)) {
  Deno.test(`parseDecision refuses ${name}`, () => {
    assert.throws(() => read(value), { code: "malformed_approval" });
  });
}

Deno.test("findDecision finds nothing where there is none, and falls over nothing", () => {
  assert.equal(findDecision(metadata({})), null);
  fc.assert(fc.property(fc.anything(), (value) => {
    findDecision(value);
    const annotations = { ...approve, [DECISION.approveAs]: "a" };
    const found = findDecision({ name: "wpx-1", annotations, managedFields: value });
    if (!found) return;
    try {
      parseDecision(found);
    } catch (error) {
      assert.ok(error instanceof InvalidInputError);
    }
  }));
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { checkSequence, checkTarget, checkValidity } from "../../src/core/admission.ts";
import { RefusedError } from "../../src/errors.ts";
import type { WorkPackage } from "../../src/core/work_package.ts";

const cluster = { clusterId: "c-1", labels: { env: "prod", region: "eu" } };

function packageOf(parts: {
  target?: WorkPackage["spec"]["target"];
  notBefore?: number;
  expiresAt?: number;
  sequence?: number;
}): WorkPackage {
  const { target = { clusterIds: ["c-1"] }, notBefore = 0, expiresAt = 1, sequence = 1 } = parts;
  return {
    apiVersion: "neuralops.io/v1",
    kind: "WorkPackage",
    metadata: { name: "p", stream: "s", sequence },
    spec: {
      target,
      notBefore,
      expiresAt,
      risk: "low",
      reason: "r",
      actions: [],
      wait: { timeout: 1 },
      onFailure: "rollback",
    },
  };
}

function refusalOf(act: () => void): RefusedError | null {
  try {
    act();
    return null;
  } catch (error) {
    assert.ok(error instanceof RefusedError);
    return error;
  }
}

const TARGETS: [string, WorkPackage["spec"]["target"], string | null][] = [
  ["its id", { clusterIds: ["c-0", "c-1"] }, null],
  ["another id", { clusterIds: ["c-0", "c-2"] }, "is for c-0, c-2, this is c-1"],
  ["an id that only begins alike", { clusterIds: ["c-11"] }, "this is c-1"],
  ["its labels", { matchLabels: { env: "prod" } }, null],
  ["all of its labels", { matchLabels: { env: "prod", region: "eu" } }, null],
  ["one label that differs", { matchLabels: { env: "prod", region: "us" } }, "has region=eu"],
  ["a label that is not there", { matchLabels: { tier: "1" } }, "this cluster has none"],
  ["a label that every object inherits", { matchLabels: { constructor: "x" } }, "has none"],
  ["its id and another label", { clusterIds: ["c-1"], matchLabels: { env: "dev" } }, "env=dev"],
  ["its label and another id", { clusterIds: ["c-2"], matchLabels: { env: "prod" } }, "for c-2"],
];

for (const [what, target, message] of TARGETS) {
  Deno.test(`checkTarget ${message ? "refuses" : "takes"} a package for ${what}`, () => {
    const refusal = refusalOf(() => checkTarget(packageOf({ target }), cluster));
    assert.equal(refusal?.code, message === null ? undefined : "wrong_target");
    if (message) assert.ok(refusal!.message.includes(message), refusal!.message);
  });
}

Deno.test("checkValidity takes a package from notBefore on and until just before expiresAt", () => {
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.integer({ min: 1, max: 1000 }),
      fc.nat(3000),
      (from, span, now) => {
        const expiresAt = from + span;
        const refusal = refusalOf(() =>
          checkValidity(packageOf({ notBefore: from, expiresAt }), now)
        );
        const expected = now < from ? "not_yet_valid" : now >= expiresAt ? "expired" : undefined;
        assert.equal(refusal?.code, expected);
      },
    ),
  );
});

Deno.test("checkSequence takes only what is above the highest, and anything in a new stream", () => {
  const code = (sequence: number, highest: number | null) =>
    refusalOf(() => checkSequence(packageOf({ sequence }), highest))?.code;
  assert.equal(code(0, null), undefined);
  assert.equal(code(5, 4), undefined);
  assert.equal(code(5, 5), "sequence_not_newer");
  assert.equal(code(4, 5), "sequence_not_newer");
  assert.equal(code(0, 0), "sequence_not_newer");
});

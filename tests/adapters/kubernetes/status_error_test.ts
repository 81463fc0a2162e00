import assert from "node:assert/strict";
import { toError } from "../../../src/adapters/kubernetes/status_error.ts";
import { TransientError } from "../../../src/errors.ts";

const WHAT = "apply apps/v1/Deployment shop/web";
const status = (message: string, reason = "", details: unknown = undefined) =>
  JSON.stringify({ kind: "Status", status: "Failure", message, reason, details });

const CASES: Record<string, [number, string, string, RegExp?]> = {
  "RBAC": [
    403,
    status(
      'deployments.apps "web" is forbidden: User "system:serviceaccount:n:c" cannot patch resource "deployments" in API group "apps" in the namespace "shop"',
    ),
    "access_denied",
    /cannot patch resource/,
  ],
  "RBAC on a path": [
    403,
    status('forbidden: User "c" cannot get path "/apis/apps/v1"'),
    "access_denied",
  ],
  "a webhook": [
    403,
    status('admission webhook "policy.example" denied the request: a user cannot get resource x'),
    "admission_denied",
    /webhook/,
  ],
  "the fence of the Lease": [
    403,
    status(
      "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'neuralops-connector-lease-fence' with binding 'neuralops-connector-lease-fence' denied request: not_leader: b_12 holds the Lease",
      "Forbidden",
    ),
    "not_leader",
    /b_12 holds the Lease/,
  ],
  "another policy": [
    403,
    status("x is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"),
    "admission_denied",
  ],
  "a quota": [
    403,
    status('pods "web" is forbidden: exceeded quota: small', "Forbidden"),
    "admission_denied",
    /\(Forbidden\)$/,
  ],
  "pod security": [
    403,
    status('pods "web" is forbidden: violates PodSecurity "restricted:latest"'),
    "admission_denied",
  ],
  "no identity": [401, status("Unauthorized"), "access_denied", /does not know us/],
  "an invalid object": [
    422,
    status("spec.replicas: Invalid value: -1", "Invalid"),
    "admission_denied",
  ],
  "an unknown field": [
    500,
    status("failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.foo"),
    "admission_denied",
  ],
  "a bad request": [400, status("strict decoding error", "BadRequest"), "admission_denied"],
  "an older version": [409, status("the object has been modified", "Conflict"), "field_conflict"],
  "an apply to an object that was made anew": [
    422,
    JSON.stringify({
      message: 'ConfigMap "c" is invalid: metadata.uid: Invalid value: "u": field is immutable',
      reason: "Invalid",
      details: { causes: [{ reason: "FieldValueInvalid", field: "metadata.uid", message: "x" }] },
    }),
    "plan_changed",
  ],
  "an apply to an object that is gone": [
    409,
    status('Operation cannot be fulfilled on configmaps "c": uid mismatch: no existing object'),
    "plan_changed",
  ],
  "a delete of an object that was made anew": [
    409,
    status("Operation cannot be fulfilled: the UID in the precondition (a) does not match (b)"),
    "plan_changed",
  ],
  "an object that is there": [409, status("already exists", "AlreadyExists"), "field_conflict"],
  "no such object": [404, status("not found", "NotFound"), "not_found"],
  "an internal error": [500, status("etcdserver: leader changed"), "unavailable"],
  "a proxy's page": [502, "<html>Bad Gateway</html>", "unavailable", /Bad Gateway/],
  "an empty answer": [503, "", "unavailable", /status 503/],
  "too many requests": [429, "Too many requests, please try again later.", "rate_limited"],
  "a timeout": [504, status("Timeout: request did not complete", "Timeout"), "unavailable"],
  "details of another shape": [409, status("odd", "Conflict", "text"), "field_conflict", /odd/],
};

for (const [what, [code, body, expected, message = /./]] of Object.entries(CASES)) {
  Deno.test(`toError takes ${what} (${code}) for ${expected}`, () => {
    const error = toError(code, body, WHAT);
    assert.equal(error.code, expected, error.message);
    assert.ok(error.message.startsWith(WHAT));
    assert.match(error.message, message);
  });
}

Deno.test("toError names fields and owners of a conflict", () => {
  const causes = [
    { reason: "FieldManagerConflict", field: ".spec.replicas", message: 'conflict with "hpa"' },
    { reason: "FieldManagerConflict", field: ".spec.paused", message: 'conflict with "kubectl"' },
  ];
  const error = toError(409, status("Apply failed", "Conflict", { causes }), WHAT);
  assert.equal(error.code, "field_conflict");
  assert.match(error.message, /\.spec\.replicas \(conflict with "hpa"\), \.spec\.paused/);
});

Deno.test("toError takes the pause from the body, else from the header, and bounds it", () => {
  const pause = (body: string, headerMs?: number) => {
    const error = toError(429, body, WHAT, headerMs);
    assert.ok(error instanceof TransientError);
    return error.retryAfterMs;
  };
  assert.equal(pause(status("slow", "", { retryAfterSeconds: 2 }), 9000), 2000);
  assert.equal(pause(status("slow", "", { retryAfterSeconds: 99_999 })), 300_000);
  assert.equal(pause("Too many requests", 1000), 1000);
  assert.equal(pause(""), undefined);
});

Deno.test("toError cuts what a server says at length", () => {
  assert.ok(toError(500, "x".repeat(100_000), WHAT).message.length < 2000);
});

/** Executions as the connector shows them. The compiler compares these schemas with the code's types. */
import * as z from "zod";
import { ERROR_CODES } from "../error_status.ts";
import { ExecutionStateSchema } from "../../src/core/protocol.ts";
import { ACTION_KINDS, RISKS } from "../../src/core/work_package.ts";
import type { ExecutionListing } from "../../src/http/execution_list.ts";
import type { ExecutionDescription, ExecutionSummary } from "../../src/http/execution_view.ts";

const time = z.iso.datetime();
const epochMs = z.int().describe("milliseconds since the epoch, UTC");

export const JsonValue = z.json();

const FieldChange = z.object({
  path: z.string(),
  from: JsonValue.exactOptional().describe("absent: the field is new"),
  to: JsonValue.exactOptional().describe("absent: the field goes"),
  lines: z.array(z.string()).exactOptional().describe("how a text changes, as diff -u writes it"),
});

const PlannedRef = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
});

export const Plan = z.object({
  digest: z.string().describe("sha256:<hex>; what an approval names"),
  entries: z.array(z.object({
    action: z.enum(ACTION_KINDS),
    verb: z.enum(["create", "change", "delete", "unchanged"]),
    ref: PlannedRef.describe("the object; of a file, the root and the path within it"),
    uid: z.string().nullable(),
    changes: z.array(FieldChange),
    warnings: z.array(z.string()).describe("of the API server"),
  })),
  plannedAtMs: epochMs,
});

export const Summary = z.object({
  id: z.string(),
  digest: z.string().describe("sha256:<hex> of the WPK bytes"),
  state: ExecutionStateSchema,
  code: z.enum(ERROR_CODES).nullable(),
  reason: z.string(),
  since: time,
  received: time,
  expires: time,
  name: z.string(),
  stream: z.string(),
  sequence: z.int(),
  risk: z.enum(RISKS),
  signer: z.string().describe("their names in one line"),
  signers: z.array(z.object({
    name: z.string().describe("as trust.signers calls it"),
    identity: z.string().describe("sha256:<hex> of the key, or the certificate's identity"),
  })).describe("each distinct signer once"),
  source: z.enum(["push", "channel"]),
}) satisfies z.ZodType<ExecutionSummary>;

const SignedDocument = z.object({
  document: z.string().describe("base64 of the exact bytes that the person signed"),
  bundle: z.record(z.string(), z.unknown()).describe("Sigstore bundle over those bytes"),
});

const Approval = z.object({
  approver: z.string().describe("name in execution.approvers"),
  means: z.string().describe("how the person was known: `uid …`, `key sha256:…` or `identity …`"),
  planDigest: z.string(),
  atMs: epochMs.describe("when it was given; of a signed document, when that was prepared"),
  signed: SignedDocument.nullable().describe(
    "null for a user of the operating system or of the cluster",
  ),
  signature: z.string().describe("EdDSA JWS by the connector's key, typ neuralops-approval+jwt"),
});

export const Description = Summary.extend({
  purpose: z.string(),
  plan: Plan.nullable(),
  approvals: z.array(Approval),
  auditSequence: z.int().nullable(),
}) satisfies z.ZodType<ExecutionDescription>;
export const ExecutionList = z.object({
  executions: z.array(Summary),
  hasMore: z.boolean().describe("whether there are older ones"),
}) satisfies z.ZodType<ExecutionListing>;
export const ExecutionReceipt = z.object({
  executionId: z.string(),
  receipt: z.string().describe("EdDSA JWS, typ neuralops-receipt+jwt, over ReceiptPayload"),
});

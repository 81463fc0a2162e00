/** docs/openapi/connector.yaml: the TLS listener. docs/openapi/admin.yaml: the Unix socket of the CLI. */
import * as z from "zod";
import type { ErrorCode } from "../../src/errors.ts";
import {
  Ed25519Jwk,
  ExecuteRequest,
  ExecuteResponse,
  EXECUTION_STATES,
  ExecutionStateSchema,
  Heartbeat,
  PartState,
  SignedApprovalRequest,
} from "../../src/core/protocol.ts";
import { ApprovalDocument } from "../../src/core/approval_document.ts";
import { ApproveRequest, Challenge, DocumentRequest, RejectRequest } from "../../src/http/admin.ts";
import { DEFAULT_LIMIT, MAX_LIMIT } from "../../src/http/execution_list.ts";
import { AgentStatus } from "../../src/http/status.ts";
import {
  answer,
  componentsOf,
  type Json,
  pathParameter,
  problem,
  problems,
  requestBody,
} from "./document.ts";
import {
  Description,
  ExecutionList,
  ExecutionReceipt,
  JsonValue,
  Plan,
  Summary,
} from "./executions.ts";

const AUTHENTICATION: readonly ErrorCode[] = ["unauthenticated", "unavailable", "not_leader"];
const BODY: readonly ErrorCode[] = ["malformed_request", "too_large"];
const SLOW: Json = { "408": problem("The body did not come in time", ["timeout"]) };
const DURABILITY: readonly ErrorCode[] = [
  "audit_unavailable",
  "audit_broken",
  "disk_full",
  "state_unwritable",
];
const INTAKE: readonly ErrorCode[] = [
  "malformed_bundle",
  "malformed_package",
  "too_many_objects",
  "missing_signature",
  "bad_signature",
  "unknown_signer",
  "too_few_signers",
  "untrusted_certificate",
  "wrong_identity",
  "missing_log_proof",
  "wrong_target",
  "not_yet_valid",
  "expired",
  "sequence_not_newer",
  "replayed",
  "policy_denied",
  "rate_limited",
];
const PROOF: readonly ErrorCode[] = ["approver_unproven", "not_an_approver"];
/** Of a person who approves, whichever way. */
const APPROVAL: readonly ErrorCode[] = [
  "approval_mismatch",
  "expired",
  "approver_is_requester",
  "already_approved",
];
const DOCUMENT: readonly ErrorCode[] = [
  ...APPROVAL,
  "malformed_bundle",
  "malformed_approval",
  "missing_signature",
  "bad_signature",
  "unknown_signer",
  "untrusted_certificate",
  "wrong_identity",
  "missing_log_proof",
  "wrong_target",
  "not_yet_valid",
  "approval_wrong_package",
];
const Health = z.object({ parts: Heartbeat.shape.parts });
const EXECUTION_SCHEMAS = {
  ExecutionState: ExecutionStateSchema,
  ExecutionSummary: Summary,
  ExecutionDescription: Description,
  ExecutionList,
  Plan,
  Health,
  JsonValue,
  PartState,
};
const text = (description: string): Json => ({
  description,
  content: { "text/plain": { schema: { type: "string" } } },
});

export function connectorDocument(version: string): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "NeuralOps connector",
      version,
      summary: "Work packages, their state, probes and metrics",
      description:
        "Open only where listener.enabled is true, and HTTPS only. Errors are problem documents (RFC 9457). docs/protocol.md tells it in prose, docs/errors.md explains every code.",
    },
    servers: [{
      url: "https://{host}:{port}",
      variables: { host: { default: "connector.example.com" }, port: { default: "8443" } },
    }],
    security: [{ orchestrator: [] }],
    paths: {
      "/execute": { post: execute },
      "/executions": { get: list(AUTHENTICATION) },
      "/executions/{id}": { get: show(AUTHENTICATION) },
      "/executions/{id}/approvals": { post: signed(AUTHENTICATION) },
      "/healthz": { get: health(AUTHENTICATION) },
      "/livez": {
        get: {
          operationId: "isAlive",
          summary: "Whether the process gets anywhere; where not, only a new one helps",
          security: [],
          responses: { "200": text("It does"), "503": text("It does not; says what is stuck") },
        },
      },
      "/readyz": {
        get: {
          operationId: "isReady",
          summary: "Whether it is registered, or stands by, and can write its audit log",
          security: [],
          responses: { "200": text("It is"), "503": text("It is not; names the parts") },
        },
      },
      "/metrics": {
        get: {
          operationId: "metrics",
          summary: "The connector's own metrics, in the Prometheus text format",
          security: [],
          responses: { "200": text("Metrics") },
        },
      },
    },
    components: {
      securitySchemes: {
        orchestrator: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description:
            "The Orchestrator's token: EdDSA or ES256 by a key of the JWKS that registration gave, `iss` as registered, `aud` this cluster's id, with `iat` and `exp` at most five minutes apart.",
        },
      },
      schemas: componentsOf({
        ...EXECUTION_SCHEMAS,
        ExecuteRequest,
        ExecuteResponse,
        SignedApprovalRequest,
      }),
    },
  };
}

export function adminDocument(version: string): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "NeuralOps connector, local side",
      version,
      summary: "What the command line asks of a running connector",
      description:
        "HTTP over the Unix socket `agent.sock` in the state directory, mode 0600 (0660 where adminSocketGroupAccess is true). Open where adminSocket is true. Who decides is proven: POST /challenges gives a nonce, and the person makes the directory `challenges/<nonce>-<hash>` in the state directory, mode 0700, where the hash is the SHA-256 of the canonical JSON (RFC 8785) of what is decided: `{decision, executionId, planDigest}` or `{decision, executionId, reason}`. Who owns it decides.",
    },
    servers: [{ url: "http://connector" }],
    security: [],
    paths: {
      "/health": { get: health([]) },
      "/status": {
        get: {
          operationId: "status",
          summary: "Standing, parts, queries and audit log at a glance",
          responses: { "200": answer("The status", "AgentStatus") },
        },
      },
      "/executions": { get: list([]) },
      "/executions/{id}": { get: show([]) },
      "/executions/{id}/receipt": { get: receipt },
      "/key": { get: key },
      "/executions/{id}/approve": {
        post: judge("approve", "Approves the plan that the digest names", "ApproveRequest", [
          ...PROOF,
          ...APPROVAL,
        ]),
      },
      "/executions/{id}/reject": {
        post: judge(
          "reject",
          "Rejects the plan; the execution ends as cancelled",
          "RejectRequest",
          PROOF,
        ),
      },
      "/executions/{id}/approval-document": {
        post: {
          operationId: "prepareApproval",
          summary: "What a person signs to approve or reject from elsewhere",
          parameters: [id],
          requestBody: requestBody("DocumentRequest"),
          responses: {
            "200": answer("The document; canonical JSON of it is signed", "ApprovalDocument"),
            ...SLOW,
            ...problems([...BODY, "not_found", "not_approvable"]),
          },
        },
      },
      "/executions/{id}/approvals": { post: signed([]) },
      "/challenges": {
        post: {
          operationId: "challenge",
          summary: "A nonce, with which a person on this machine shows who they are",
          responses: { "200": answer("The nonce", "Challenge"), ...problems(["rate_limited"]) },
        },
      },
    },
    components: {
      schemas: componentsOf({
        ...EXECUTION_SCHEMAS,
        AgentStatus,
        ApprovalDocument,
        ApproveRequest,
        Challenge,
        DocumentRequest,
        RejectRequest,
        SignedApprovalRequest,
        ExecutionReceipt,
        Ed25519Jwk,
      }),
    },
  };
}

const id = pathParameter("id", "such as wpx-4c8514ea649712f9469cae84f88f77ca");

const execute: Json = {
  operationId: "execute",
  summary: "Hands over a signed work package",
  description:
    "202 once the package is durable here, not once it was carried out. The same package again gets the present state while it is open, and `replayed` with the state that it ended in afterwards. A package that was refused may be sent again: the reason may have passed.",
  requestBody: requestBody("ExecuteRequest"),
  responses: {
    "202": answer("Accepted, or known already", "ExecuteResponse"),
    ...SLOW,
    ...problems([...AUTHENTICATION, ...BODY, ...INTAKE, ...DURABILITY]),
  },
};

function list(codes: readonly ErrorCode[]): Json {
  return {
    operationId: "listExecutions",
    summary: "The newest executions, oldest of them first",
    parameters: [
      {
        name: "limit",
        in: "query",
        description: "at most so many",
        schema: { type: "integer", minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
      },
      {
        name: "state",
        in: "query",
        description: "only those in this state",
        schema: { type: "string", enum: [...EXECUTION_STATES] },
      },
    ],
    responses: {
      "200": answer("Executions", "ExecutionList"),
      ...problems([...codes, "malformed_request", "state_damaged"]),
    },
  };
}

function show(codes: readonly ErrorCode[]): Json {
  return {
    operationId: "showExecution",
    summary: "One execution with its plan and approvals",
    parameters: [id],
    responses: {
      "200": answer("The execution", "ExecutionDescription"),
      ...problems([...codes, "not_found", "state_damaged"]),
    },
  };
}

const receipt: Json = {
  operationId: "showReceipt",
  summary:
    "The signed receipt of the last outcome, or of the refusal of a package without a record",
  parameters: [id],
  responses: { "200": answer("The receipt", "ExecutionReceipt"), ...problems(["not_found"]) },
};

const key: Json = {
  operationId: "showKey",
  summary: "The public key that receipts are checked with",
  responses: { "200": answer("The key", "Ed25519Jwk") },
};

function health(codes: readonly ErrorCode[]): Json {
  return {
    operationId: "health",
    summary: "The state of each part, with reason and age",
    responses: { "200": answer("Parts", "Health"), ...problems(codes) },
  };
}

/** Approvals and rejections that approvers signed. */
function signed(codes: readonly ErrorCode[]): Json {
  return {
    operationId: "takeSigned",
    summary: "Approves or rejects by a document that an approver signed",
    description:
      "The signature counts, not who brings it. The same document again changes nothing and gets the present state.",
    parameters: [id],
    requestBody: requestBody("SignedApprovalRequest"),
    responses: {
      "200": answer("The execution as it is now", "ExecutionDescription"),
      ...SLOW,
      ...problems([
        ...codes,
        ...BODY,
        "not_leader",
        "not_found",
        "not_approvable",
        ...DOCUMENT,
        ...DURABILITY,
      ]),
    },
  };
}

function judge(
  operationId: string,
  summary: string,
  body: string,
  codes: readonly ErrorCode[] = [],
): Json {
  return {
    operationId,
    summary,
    parameters: [id],
    requestBody: requestBody(body),
    responses: {
      "200": answer("The execution as it is now", "ExecutionDescription"),
      ...SLOW,
      ...problems([
        ...BODY,
        "not_leader",
        "not_found",
        "not_approvable",
        ...codes,
        ...DURABILITY,
      ]),
    },
  };
}

/** docs/openapi/control-plane.yaml: what the connector calls. */
import {
  CommandData,
  CommandPage,
  Ed25519Jwk,
  ExecutionStateSchema,
  Gap,
  Heartbeat,
  HistogramPoint,
  Jwks,
  PartState,
  ReceiptPayload,
  ReceiptRequest,
  RegisterRequest,
  RegisterResponse,
  SampleValue,
  SIGNALS_MEDIA_TYPE,
  SignalsBatch,
} from "../../src/core/protocol.ts";
import {
  answer,
  componentsOf,
  content,
  type Json,
  JSON_TYPE,
  pathParameter,
  problem,
  reference,
  requestBody,
} from "./document.ts";

/** Statuses that mean the same in every answer: what the connector does with them. */
const COMMON: Json = {
  "401": problem("The access token is not taken: the connector registers again", [
    "unauthenticated",
  ]),
  "403": problem("Not permitted: the connector waits for a person", ["access_denied"]),
  "429": problem("Too many calls: tried again after Retry-After, or with growing pauses", [
    "rate_limited",
  ]),
  "5XX": problem("Tried again after Retry-After, or with growing pauses", ["unavailable"]),
};
const DONE: Json = { description: "Taken" };

export function controlPlaneDocument(version: string): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "NeuralOps control plane, as the connector calls it",
      version,
      summary: "Registration, signals, heartbeats, commands, receipts",
      description:
        "HTTPS only. The connector follows no redirect, bounds every answer, and gives every call a timeout. Errors are problem documents (RFC 9457). docs/protocol.md tells it in prose.",
    },
    servers: [{
      url: "{controlPlane}",
      description: "controlPlane.url of the configuration",
      variables: { controlPlane: { default: "https://connect.neuralops.example" } },
    }],
    security: [{ accessToken: [] }],
    paths: {
      "/register": { post: register },
      "/signals": { post: signals },
      "/healthz": { put: heartbeat },
      "/commands": { get: commands },
      "/executions/{id}/receipts": { post: receipts },
    },
    components: {
      securitySchemes: {
        accessToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "accessToken of the registration; opaque to the connector",
        },
      },
      schemas: componentsOf({
        ApprovalCommand: CommandData.approval,
        ExecuteCommand: CommandData.execute,
        CommandPage,
        Ed25519Jwk,
        ExecutionState: ExecutionStateSchema,
        Gap,
        Heartbeat,
        HistogramPoint,
        Jwks,
        PartState,
        ReceiptPayload,
        ReceiptRequest,
        RegisterRequest,
        RegisterResponse,
        SampleValue,
        SignalsBatch,
      }),
    },
  };
}

const register: Json = {
  operationId: "register",
  summary: "Makes a cluster and its connector's key known",
  description:
    "At start, at two thirds of the access token's life, and after a 401. The same cluster gets the same clusterId each time. With `collector`, the token is good for that node's signals and heartbeat only, and the cluster's registration stays as it is.",
  security: [],
  requestBody: requestBody("RegisterRequest"),
  responses: {
    "200": answer("Registered", "RegisterResponse"),
    "401": problem("Identity token or proof of possession are not accepted", ["identity_rejected"]),
    "403": problem("The identity may not register", ["identity_rejected"]),
    "422": problem("The body is not what it should be", ["malformed_request"]),
    "429": COMMON["429"],
    "5XX": COMMON["5XX"],
  },
};

const signals: Json = {
  operationId: "sendSignals",
  summary: "One window of one query",
  description:
    "The window counts as delivered when a 2xx came. Until then the same batch is sent again, byte for byte, under the same idempotency-key. A 400, 409, 413, 415 or 422 speaks of the content: the connector halves the window, and sets aside what is refused even alone.",
  parameters: [
    {
      name: "idempotency-key",
      in: "header",
      required: true,
      description: "batchId of the body",
      schema: { type: "string" },
    },
    {
      name: "content-encoding",
      in: "header",
      required: true,
      schema: { enum: ["zstd", "gzip"] },
    },
  ],
  requestBody: { required: true, ...content(SIGNALS_MEDIA_TYPE, reference("SignalsBatch")) },
  responses: {
    "204": DONE,
    "400": problem("idempotency-key is not the batch id, or the body is no JSON", [
      "malformed_request",
    ]),
    "413": problem("Too large", ["too_large"]),
    "415": problem("Another media type or encoding", ["malformed_request"]),
    "422": problem("The batch is not what it should be", ["malformed_request"]),
    ...COMMON,
  },
};

const heartbeat: Json = {
  operationId: "heartbeat",
  summary: "The state of each part, at the interval that registration named",
  description:
    "sequence rises with each one within a registration. audit.checkpoint is the signed head of the connector's audit log. The control plane holds the newest of each chain and takes another only with a consistency proof from there; where the proof begins elsewhere it answers 409 with auditSize, the size that it holds, and the connector sends the heartbeat again with a proof from there. A checkpoint that contradicts the one that is held (fork, rollback, growth that its proof does not show, another key) is no reason to refuse the heartbeat: it is an alarm.",
  requestBody: requestBody("Heartbeat"),
  responses: {
    "204": DONE,
    "409": problem(
      "sequence did not rise; or, with auditSize, another consistency proof is wanted",
      [
        "malformed_request",
      ],
    ),
    "422": problem("The heartbeat is not what it should be", ["malformed_request"]),
    ...COMMON,
  },
};

const commands: Json = {
  operationId: "receiveCommands",
  summary: "The outbound command channel",
  description:
    "A stream of server-sent events, or a long poll where `accept` asks for JSON. An event has an `id`, its `event` is the command's type (`execute`) and its `data` are CommandData in JSON. At least once, in order: what follows the id that the connector names was not yet taken. A comment at least every 30 s shows that the stream lives.",
  parameters: [
    {
      name: "last-event-id",
      in: "header",
      description: "stream: the last command that was taken durably",
      schema: { type: "string", maxLength: 256 },
    },
    {
      name: "after",
      in: "query",
      description: "long poll: the same",
      schema: { type: "string", maxLength: 256 },
    },
    {
      name: "wait",
      in: "query",
      description: "long poll: how many seconds the answer may wait for a command",
      schema: { type: "integer", minimum: 0, maximum: 60 },
    },
  ],
  responses: {
    "200": {
      description: "Commands",
      content: {
        "text/event-stream": { schema: { type: "string" } },
        [JSON_TYPE]: { schema: reference("CommandPage") },
      },
    },
    "406": problem("No event streams here: the connector uses long polls", ["not_acceptable"]),
    ...COMMON,
  },
};

const receipts: Json = {
  operationId: "sendReceipt",
  summary: "What became of a package, signed by the connector",
  description:
    "When a package waits for a person, and when it ended or was refused. At least once; the same receipt again is no error. The JWS's payload is ReceiptPayload, its `kid` the registered key's.",
  parameters: [pathParameter("id", "the execution's id")],
  requestBody: requestBody("ReceiptRequest"),
  responses: {
    "204": DONE,
    "422": problem("The receipt is not what it should be, or its signature is wrong", [
      "malformed_request",
      "bad_signature",
    ]),
    ...COMMON,
  },
};

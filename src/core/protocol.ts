/**
 * What travels between connector and control plane. These schemas are the source: both sides, the
 * embedded peers and `docs/openapi/` come from them.
 */
import * as z from "zod";

export const MAX_PACKAGE_BYTES = 1024 * 1024;
/** One for each signer. */
export const MAX_BUNDLES = 10;
/** A WPK in base64 with its bundles beside it. */
export const MAX_EXECUTE_BODY_BYTES = 3 * MAX_PACKAGE_BYTES;

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, "must be standard base64");
const jwtText = z.string().max(16_384).regex(/^[\w-]+\.[\w-]+\.[\w-]+$/, "must be a compact JWT");
const epochMs = z.int().min(0).describe("milliseconds since the epoch, UTC");

const NodeName = z.string().min(1).max(253);

export const Ed25519Jwk = z.strictObject({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().length(43),
  kid: z.string().optional().describe("RFC 7638 thumbprint"),
}).describe("the connector's public key");

export const RegisterRequest = z.strictObject({
  schema: z.literal("neuralops.io/register/v1"),
  identityToken: jwtText.describe("from Vault's identity/oidc/token/<role>"),
  publicKey: Ed25519Jwk,
  proof: jwtText.describe(
    "EdDSA JWS by publicKey, typ neuralops-pop+jwt: {aud: control plane URL, iat, exp, jti, ath: base64url SHA-256 of identityToken; node: collector.node, for a collector}",
  ),
  cluster: z.strictObject({
    name: z.string().min(1).max(253),
    uid: z.string().min(1).max(253).describe(
      "UID of the kube-system namespace, or a hash of the machine id",
    ),
    kind: z.enum(["kubernetes", "edge"]),
    hostname: z.string().max(253),
    labels: z.record(z.string(), z.string()),
    versions: z.record(z.string(), z.string()),
    capabilities: z.array(z.string()),
  }),
  collector: z.strictObject({ node: NodeName }).optional().describe(
    "asks for a token for one node's signals and heartbeat, and nothing else; the cluster's registration stays as it is",
  ),
});

export const Jwks = z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1).max(20) });

export const RegisterResponse = z.object({
  clusterId: z.string().min(1).max(253),
  accessToken: jwtText,
  expiresInSeconds: z.int().min(1).max(86_400),
  orchestrator: z.object({
    issuer: z.string().min(1).max(2048).describe("iss of the tokens that POST /execute must carry"),
    jwks: Jwks,
  }),
  intervals: z.object({ heartbeatSeconds: z.number().min(0.1).max(3600) }),
});

export const Gap = z.strictObject({
  startMs: epochMs,
  endMs: epochMs.describe("inclusive, on the query's grid"),
  reason: z.enum([
    "beyond_horizon",
    "source_error",
    "too_large",
    "truncated",
    "warning",
    "rejected_by_receiver",
    "series_limit",
    "label_collision",
    "unsupported_by_receiver",
  ]),
  detail: z.string().max(1000),
});

/** null where the series has no point; NaN and infinities as Prometheus writes them. */
export const SampleValue = z.union([z.number(), z.null(), z.enum(["NaN", "+Inf", "-Inf"])]);
const Labels = z.record(z.string(), z.string());

export const HistogramPoint = z.strictObject({
  index: z.int().min(0).describe("grid index within the window"),
  count: z.string(),
  sum: z.string(),
  buckets: z.array(z.tuple([z.int().min(0).max(3), z.string(), z.string(), z.string()])),
});

export const SignalsBatch = z.strictObject({
  schema: z.literal("neuralops.io/signals/v1"),
  clusterId: z.string(),
  node: NodeName.optional().describe(
    "whose batch it is, of a query that each node asks for itself; two nodes' windows are apart",
  ),
  batchId: z.string().describe(
    "SHA-256 over cluster, node, query, window and content: the same batch has the same id",
  ),
  query: z.strictObject({ name: z.string(), expr: z.string() }),
  window: z.strictObject({ startMs: epochMs, endMs: epochMs, stepMs: z.int().min(1) })
    .describe("inclusive at both ends; point i is at startMs + i × stepMs"),
  series: z.array(z.strictObject({ labels: Labels, values: z.array(SampleValue) })),
  histograms: z.array(z.strictObject({ labels: Labels, points: z.array(HistogramPoint) })),
  gaps: z.array(Gap),
});
export const SIGNALS_MEDIA_TYPE = "application/vnd.neuralops.signals.v1+json";

export const PartState = z.enum(["ok", "degraded", "stalled", "starting", "off"]);

export const Heartbeat = z.strictObject({
  schema: z.literal("neuralops.io/heartbeat/v1"),
  clusterId: z.string(),
  node: NodeName.optional().describe(
    "in a collector's: it speaks of this node alone; without it, for the cluster",
  ),
  sequence: z.int().min(1),
  sentAtMs: epochMs,
  version: z.string(),
  parts: z.array(z.strictObject({
    name: z.string(),
    state: PartState,
    reason: z.string(),
    sinceMs: epochMs,
    lastSuccessMs: epochMs.nullable(),
  })),
  signals: z.array(z.strictObject({
    query: z.string(),
    acknowledgedMs: epochMs.nullable().describe("every point up to here was acknowledged"),
    lagMs: z.int().min(0).nullable(),
    newestMs: epochMs.nullable().describe(
      "the newest point that was acknowledged; fresh data go before history",
    ),
    backfill: z.strictObject({
      pendingMs: z.int().min(0).describe("history that is still to be sent"),
      oldestMs: epochMs.nullable().describe("the oldest point of it"),
      speed: z.number().positive().describe("how many times faster than real time it is sent"),
    }).nullable(),
  })),
  executions: z.strictObject({ open: z.int().min(0), pendingApproval: z.int().min(0) }),
  audit: z.strictObject({
    size: z.int().min(0),
    checkpoint: z.string().max(4096).describe(
      "C2SP signed note over the Merkle tree of the audit records",
    ),
    consistency: z.strictObject({
      from: z.int().min(0).describe("records of the checkpoint that the control plane holds"),
      hashes: z.array(
        z.string().regex(/^[A-Za-z0-9+\/]{42}[AEIMQUYcgkosw048]=$/, "must be 32 bytes in base64"),
      ).max(106),
    }).nullable().describe(
      "RFC 6962 consistency proof from there to this checkpoint; null while the connector does not know which one is held",
    ),
    chains: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(1000).describe(
      "every chain that is known to have acted for this cluster; this one among them",
    ),
  }).nullable(),
});

export const SigstoreBundleJson = z.record(z.string(), z.unknown());

const payload = base64.max(Math.ceil(MAX_PACKAGE_BYTES / 3) * 4 + 4).describe(
  "the exact WPK bytes",
);

export const ExecuteRequest = z.union([
  z.strictObject({
    payload,
    bundle: SigstoreBundleJson.describe("Sigstore bundle over those bytes"),
  }),
  z.strictObject({
    payload,
    bundles: z.array(SigstoreBundleJson).min(1).max(MAX_BUNDLES)
      .describe("one Sigstore bundle for each signer"),
  }),
]);

/** The signatures that a package came with, in the order in which they were sent. */
export function bundlesOf(request: ExecuteRequest): readonly Record<string, unknown>[] {
  return "bundles" in request ? request.bundles : [request.bundle];
}

/** A document that an approver signed, and nothing else: it names the execution itself. */
export const SignedApprovalRequest = z.strictObject({
  document: base64.max(22_000).describe("the exact bytes of the approval document"),
  bundle: SigstoreBundleJson.describe("Sigstore bundle over those bytes"),
});
export const MAX_APPROVAL_BODY_BYTES = 512 * 1024;

export const EXECUTION_STATES = [
  "accepted",
  "pending_approval",
  "approved",
  "applying",
  "rolling_back",
  "succeeded",
  "failed",
  "rolled_back",
  "rollback_failed",
  "refused",
  "expired",
  "cancelled",
  "superseded",
  "plan_changed",
] as const;
export const ExecutionStateSchema = z.enum(EXECUTION_STATES);

export const ExecuteResponse = z.object({
  executionId: z.string(),
  digest: z.string(),
  state: ExecutionStateSchema,
  reason: z.string(),
});

/** Data of the events on GET /commands, by their type. */
export const CommandData = { execute: ExecuteRequest, approval: SignedApprovalRequest } as const;

export const CommandPage = z.object({
  commands: z.array(
    z.object({ id: z.string().min(1).max(256), type: z.string(), data: z.unknown() }),
  ).max(100),
});

export const ReceiptPayload = z.strictObject({
  schema: z.literal("neuralops.io/receipt/v1"),
  executionId: z.string(),
  clusterId: z.string(),
  digest: z.string().describe("sha256:<hex> of the WPK bytes"),
  state: ExecutionStateSchema,
  code: z.string().nullable(),
  reason: z.string(),
  name: z.string().nullable(),
  stream: z.string().nullable(),
  sequence: z.int().nullable(),
  planDigest: z.string().nullable(),
  approvals: z.array(z.strictObject({ approver: z.string(), atMs: epochMs })),
  atMs: epochMs,
  auditSequence: z.int().nullable().describe("the audit record that announced this outcome"),
});
export const ReceiptRequest = z.strictObject({
  receipt: z.string().max(65_536).describe(
    "EdDSA JWS, typ neuralops-receipt+jwt, over ReceiptPayload",
  ),
});

/** RFC 9457, media type application/problem+json. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  hint: z.string().optional(),
  executionId: z.string().optional(),
  state: ExecutionStateSchema.optional(),
  auditSize: z.int().min(0).optional().describe(
    "of a heartbeat: how many records the checkpoint covers that is held of this chain",
  ),
});

export type RegisterRequest = z.infer<typeof RegisterRequest>;
export type RegisterResponse = z.infer<typeof RegisterResponse>;
export type Gap = z.infer<typeof Gap>;
export type SampleValue = z.infer<typeof SampleValue>;
export type HistogramPoint = z.infer<typeof HistogramPoint>;
export type SignalsBatch = z.infer<typeof SignalsBatch>;
export type PartState = z.infer<typeof PartState>;
export type Heartbeat = z.infer<typeof Heartbeat>;
export type ExecuteRequest = z.infer<typeof ExecuteRequest>;
export type SignedApprovalRequest = z.infer<typeof SignedApprovalRequest>;
export type ExecuteResponse = z.infer<typeof ExecuteResponse>;
export type ExecutionState = z.infer<typeof ExecutionStateSchema>;
export type ReceiptPayload = z.infer<typeof ReceiptPayload>;
export type CommandPage = z.infer<typeof CommandPage>;
export type Problem = z.infer<typeof Problem>;

/** The API server's Status answers as typed errors: the reader must know who refused, and why. */
import * as z from "zod";
import {
  type ConnectorError,
  ModifiedError,
  RefusedError,
  StalledError,
  TransientError,
} from "../../errors.ts";

const Status = z.object({
  message: z.string().default(""),
  reason: z.string().default(""),
  details: z.object({
    causes: z.array(z.object({
      reason: z.string().default(""),
      message: z.string().default(""),
      field: z.string().default(""),
    })).default([]),
    retryAfterSeconds: z.number().optional(),
  }).default({ causes: [] }),
});

/** Webhooks and quotas explain themselves at length; a record's reason is bounded to the same. */
const MAX_MESSAGE = 1800;
/** How RBAC words its refusals; admission plugins, webhooks and quotas answer 403 too. */
const RBAC_REFUSAL = /forbidden: User ".*" cannot \S+ (resource|path) /;

/** How docs/examples/lease-fence.yaml words its refusals. */
const FENCE_REFUSAL = /ValidatingAdmissionPolicy .* denied request: not_leader: /;

/** An apply with an unknown field is answered with 500 (kubernetes/kubernetes#122480), yet never passes. */
const TYPED_PATCH_REFUSAL = /^failed to create typed patch object/;

/** A write named the uid of an object that is gone; apply says 422 or 409 to that, delete 409. */
const OTHER_UID = / the UID in the precondition |: uid mismatch: |Precondition failed: UID /;

/** A write named a resourceVersion that is not the latest. */
const OLD_VERSION = /the object has been modified/;

/**
 * @param what the request, for people: `apply apps/v1/Deployment shop/web`
 * @param retryAfterMs from the answer's Retry-After header
 */
export function toError(
  status: number,
  body: string,
  what: string,
  retryAfterMs?: number,
): ConnectorError {
  const { message: text, reason, details } = parseStatus(body);
  const message = `${what}: ${tidy(text || `status ${status}`)}`;
  const isPassing = status === 408 || status === 429 || status >= 500;
  if (isPassing && !TYPED_PATCH_REFUSAL.test(text)) {
    const seconds = details.retryAfterSeconds;
    const pauseMs = seconds === undefined ? retryAfterMs : Math.min(seconds, 300) * 1000;
    return new TransientError(
      status === 429 ? "rate_limited" : "unavailable",
      message,
      pauseMs === undefined ? {} : { retryAfterMs: pauseMs },
    );
  }
  if (status === 401) {
    return new StalledError("access_denied", `${what}: the API server does not know us`, {
      hint: "check the token or client certificate of the connector",
    });
  }
  if (status === 403 && RBAC_REFUSAL.test(text)) {
    return new StalledError("access_denied", message, {
      hint: "grant the verb in the connector's Role, or take it out of the policy",
    });
  }
  // Its own copy of the Lease may be a moment behind: to a leader this passes, and is no fault of a package.
  if (FENCE_REFUSAL.test(text)) return new RefusedError("not_leader", message);
  const hasOtherUid = OTHER_UID.test(text) ||
    details.causes.some(({ field }) => field === "metadata.uid");
  if ((status === 409 || status === 422) && hasOtherUid) {
    return new RefusedError("plan_changed", message, {
      hint: "the object was deleted or made anew meanwhile; plan the package again",
    });
  }
  const conflicts = details.causes.filter((cause) => cause.reason === "FieldManagerConflict");
  if (conflicts.length > 0) {
    const owners = conflicts.map((cause) => `${cause.field} (${cause.message})`).join(", ");
    return new RefusedError("field_conflict", `${what}: owned by others: ${tidy(owners)}`, {
      hint: "fields of another manager are never forced; leave them out or ask their owner",
    });
  }
  if (status === 409 && OLD_VERSION.test(text)) return new ModifiedError(message);
  if (status === 409) return new RefusedError("field_conflict", message);
  if (status === 404) return new RefusedError("not_found", message);
  return new RefusedError("admission_denied", `${message}${reason ? ` (${reason})` : ""}`, {
    hint: "correct the manifest, or ask the owner of the rule that refused it",
  });
}

function parseStatus(body: string): z.infer<typeof Status> {
  try {
    return Status.parse(JSON.parse(body));
  } catch {
    return Status.parse({ message: body.slice(0, MAX_MESSAGE) });
  }
}

/** What a webhook, say, wrote, as one line that a terminal shows as it is. */
function tidy(text: string): string {
  const line = text.toWellFormed().replaceAll(/\s+/g, " ")
    .replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, "�").trim();
  const more = line.length - MAX_MESSAGE;
  return more > 0
    ? `${line.slice(0, MAX_MESSAGE).toWellFormed()}… (${more} more characters)`
    : line;
}

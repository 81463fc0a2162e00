/**
 * The front of the pipeline. Each stage takes what the one before gave and returns something narrower,
 * so that nothing unverified, unadmitted or unallowed can be handed on by mistake. The casts to a
 * branded type in this file are the only ones.
 */
import { InvalidInputError, RefusedError } from "../errors.ts";
import { checkSequence, checkTarget, checkValidity, type LocalCluster } from "../core/admission.ts";
import { canonicalJson } from "../core/canonical_json.ts";
import { decodeBase64, sha256Hex } from "../core/encoding.ts";
import {
  executionId,
  type ExecutionRecord,
  type PackageMaterial,
  type SignatureBundle,
} from "../core/execution.ts";
import { formatRef } from "../core/kubernetes_object.ts";
import type { PlanEntry } from "../core/plan.ts";
import type { Policy } from "../core/policy.ts";
import { judgeUntil, type TimedVerdict } from "../core/policy/judge.ts";
import { MAX_PACKAGE_BYTES } from "../core/protocol.ts";
import { Recent } from "../core/recent.ts";
import type { Verified } from "../core/verification/verdict.ts";
import type { ThresholdVerifier } from "../core/verification/threshold.ts";
import { parseWorkPackage, targetsOf, type WorkPackage } from "../core/work_package.ts";

/** One package is parsed for its intake, its plan, its claim and its apply, all within milliseconds. */
const MAX_REMEMBERED = 16;
const MAX_REMEMBERED_BYTES = 64 * 1024;
const recentPackages = new Recent<WorkPackage>(MAX_REMEMBERED);

declare const stage: unique symbol;
type Stage<Data, Name extends string> = Data & { readonly [stage]: Name };

interface Bounded {
  readonly id: string;
  /** `sha256:<hex>` of the payload. */
  readonly digest: string;
  readonly payload: Uint8Array;
  readonly bundles: readonly SignatureBundle[];
}
interface Signed extends Bounded {
  /** One for each distinct signer. */
  readonly verified: readonly Verified[];
}
interface Parsed extends Signed {
  readonly workPackage: WorkPackage;
}
interface Allowed extends Parsed {
  /** Of now, or of the first window that opens while the package is valid. */
  readonly verdict: TimedVerdict;
}

/** Bytes within bounds; nothing else is known of them. */
export type BoundedPackage = Stage<Bounded, "bounded">;
/** The bytes are exactly what enough trusted signers signed. */
export type VerifiedPackage = Stage<Signed, "verified">;
/** Within the strict schema. */
export type ParsedPackage = Stage<Parsed, "parsed">;
/** For this cluster, and for now. */
export type AdmittedPackage = Stage<Parsed, "admitted">;
/** Within the local policy. */
export type AllowedPackage = Stage<Allowed, "allowed">;

/** Throws InvalidInputError `too_large` or `malformed_bundle`, RefusedError `missing_signature`. */
export function bound(
  payload: Uint8Array,
  bundles: readonly SignatureBundle[],
): BoundedPackage {
  if (payload.length > MAX_PACKAGE_BYTES) {
    throw new InvalidInputError(
      "too_large",
      `The work package has ${payload.length} bytes, at most ${MAX_PACKAGE_BYTES} are allowed`,
    );
  }
  if (bundles.every((bundle) => Object.keys(bundle).length === 0)) {
    throw new RefusedError(
      "missing_signature",
      "The work package came without a signature bundle",
      {
        hint: "sign it: cosign sign-blob --key cosign.key --bundle wpk.sigstore.json wpk.yaml",
      },
    );
  }
  bundles.forEach(assertCanonical);
  return { ...nameBytes(payload), payload, bundles } as BoundedPackage;
}

/**
 * A bundle goes into the sealed journal, so it must have a canonical form.
 * Throws InvalidInputError `malformed_bundle`.
 */
export function assertCanonical(bundle: SignatureBundle): void {
  try {
    canonicalJson(bundle);
  } catch (cause) {
    throw new InvalidInputError("malformed_bundle", "The signature bundle is not proper JSON", {
      cause,
      hint: "send the bundle file as cosign wrote it",
    });
  }
}

/** The names that any bytes have, refused or not. */
export function nameBytes(payload: Uint8Array): { id: string; digest: string } {
  const digest = `sha256:${sha256Hex(payload)}`;
  return { id: executionId(digest), digest };
}

/** Rejects as ThresholdVerifier.verify does. */
export async function verify(
  bounded: BoundedPackage,
  verifier: ThresholdVerifier,
): Promise<VerifiedPackage> {
  const verified = await verifier.verify(bounded.payload, bounded.bundles);
  return { ...bounded, verified } as unknown as VerifiedPackage;
}

/** Throws InvalidInputError `malformed_package` or `too_many_objects`. */
export function parse(verified: VerifiedPackage): ParsedPackage {
  const workPackage = parseOnce(verified.digest, verified.payload);
  return { ...verified, workPackage } as unknown as ParsedPackage;
}

/**
 * @param highestSequence of its stream; undefined when the package has its place in the stream already
 * Throws RefusedError `wrong_target`, `not_yet_valid`, `expired`, `sequence_not_newer`.
 */
export function admit(
  parsed: ParsedPackage,
  cluster: LocalCluster,
  nowMs: number,
  highestSequence: number | null | undefined,
): AdmittedPackage {
  checkTarget(parsed.workPackage, cluster);
  checkValidity(parsed.workPackage, nowMs);
  if (highestSequence !== undefined) checkSequence(parsed.workPackage, highestSequence);
  return parsed as unknown as AdmittedPackage;
}

/**
 * @param entries of the plan, once there is one: they tell the verbs, and until then the policy judges
 * what is certain without them
 * Throws RefusedError `policy_denied` with every target that is denied now, and at any later time at
 * which the package is valid.
 */
export function allow(
  admitted: AdmittedPackage | AllowedPackage,
  policy: Policy,
  nowMs: number,
  entries: readonly PlanEntry[] = [],
): AllowedPackage {
  const { risk, expiresAt } = admitted.workPackage.spec;
  const verbs = new Map(entries.map(({ ref, verb }) => [formatRef(ref), verb]));
  const targets = targetsOf(admitted.workPackage)
    .map((target) => ({ ...target, verb: verbs.get(formatRef(target.ref)) }));
  const verdict = judgeUntil(policy, { risk, targets, atMs: nowMs }, expiresAt);
  if (!verdict.allowed) {
    const denied = verdict.reasons.filter((reason) => !reason.allowed);
    throw new RefusedError(
      "policy_denied",
      denied.slice(0, 5).map((reason) => `${reason.subject}: ${reason.reason}`).join("; "),
      { hint: "the policy file of this connector decides; see: neuralops-connector policy check" },
    );
  }
  return { ...admitted, verdict } as unknown as AllowedPackage;
}

/** A journalled package, judged anew: what the disk says is not proof. */
export async function reopen(
  record: ExecutionRecord,
  { payload, bundles }: PackageMaterial,
  context: {
    readonly verifier: ThresholdVerifier;
    readonly policy: Policy;
    readonly cluster: LocalCluster;
    readonly nowMs: number;
  },
): Promise<AllowedPackage> {
  const bounded = bound(decodeBase64(payload), bundles);
  if (bounded.digest !== record.digest) {
    throw new RefusedError(
      "bad_signature",
      `The journal holds ${bounded.digest} under ${record.digest}`,
    );
  }
  const parsed = parse(await verify(bounded, context.verifier));
  const admitted = admit(parsed, context.cluster, context.nowMs, undefined);
  return allow(admitted, context.policy, context.nowMs);
}

/** A package whose bytes were verified before it began; the record's digest holds them since. */
export function packageOf(pack: PackageMaterial): WorkPackage {
  const payload = decodeBase64(pack.payload);
  return parseOnce(nameBytes(payload).digest, payload);
}

/** @param digest of the payload itself, so that other bytes are never taken for it */
function parseOnce(digest: string, payload: Uint8Array): WorkPackage {
  return payload.length > MAX_REMEMBERED_BYTES
    ? parseWorkPackage(payload)
    : recentPackages.get(digest, () => parseWorkPackage(payload));
}

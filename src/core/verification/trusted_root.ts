/**
 * A Sigstore trusted_root.json, from outside: bounded, strict in what verification rests on, and clear
 * about what is wrong. The library takes a missing validity for an endless one.
 * https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto
 */
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toTrustMaterial, type TrustMaterial } from "@sigstore/verify";
import * as z from "zod";
import { describeIssues } from "../schema_problem.ts";
import { rememberChains } from "./trusted_chain.ts";

export type RootPart = Exclude<keyof TrustMaterial, "publicKey">;

const MAX_ROOT_LENGTH = 1024 * 1024;

const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)), {
  message: "must be an RFC 3339 time",
});
/** TimeRange in sigstore_common.proto: closed, and open-ended only where it has no end. */
const TimeRange = z.looseObject({ start: time, end: time.nullish() }).refine(
  ({ start, end }) => !end || Date.parse(start) <= Date.parse(end),
  { message: "must not end before its start" },
);
const base64 = z.string().min(1);
const LogRoot = z.looseObject({
  baseUrl: z.string().min(1),
  publicKey: z.looseObject({ rawBytes: base64, keyDetails: z.string(), validFor: TimeRange }),
  logId: z.looseObject({ keyId: base64 }),
});
const CertificateRoot = z.looseObject({
  certChain: z.looseObject({
    certificates: z.array(z.looseObject({ rawBytes: base64 })).min(1).max(10),
  }),
  // Its certificates bound it where it names no validity.
  validFor: TimeRange.nullish(),
});
const RootSchema = z.looseObject({
  mediaType: z.string().regex(
    /^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=0\.[12]|\.v0\.[12]\+json)$/,
    "must be that of a Sigstore trusted root v0.1 or v0.2",
  ),
  tlogs: z.array(LogRoot).max(100).default([]),
  ctlogs: z.array(LogRoot).max(100).default([]),
  certificateAuthorities: z.array(CertificateRoot).max(100).default([]),
  timestampAuthorities: z.array(CertificateRoot).max(100).default([]),
});

/**
 * @param needed parts without which nothing could be verified
 * Throws Error that says what is wrong, in words that follow "its trusted root".
 */
export function parseTrustedRoot(json: string, needed: readonly RootPart[]): TrustMaterial {
  if (json.length > MAX_ROOT_LENGTH) throw new Error(`is larger than ${MAX_ROOT_LENGTH} bytes`);
  const root = RootSchema.safeParse(parseJson(json));
  if (!root.success) {
    const [issue] = describeIssues(root.error, parseJson(json));
    throw new Error(`is not a Sigstore trusted_root.json: ${issue}`);
  }
  const missing = needed.filter((part) => root.data[part].length === 0);
  if (missing.length > 0) throw new Error(`holds no ${missing.join(", no ")}`);
  try {
    const material = toTrustMaterial(TrustedRoot.fromJSON(root.data));
    rememberChains(material);
    return material;
  } catch (cause) {
    throw new Error("is not a Sigstore trusted_root.json: a key or certificate cannot be read", {
      cause,
    });
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new Error("is not a Sigstore trusted_root.json: it is not JSON", { cause });
  }
}

/** Who may sign work packages, who may approve them, and how they are carried out. */
import * as z from "zod";
import { duration, httpsUrl, name, path } from "./fields.ts";
import { FileRoots } from "./file_roots.ts";

const trustedRoot = z.string().regex(
  /^(public-good$|\/|\.\/)/,
  "must be public-good, or a path that begins with / or ./",
).meta({ form: "path, or `public-good`" });

const Signer = z.union([
  z.strictObject({
    name: name.describe("stands in records and receipts"),
    keyFile: path.describe("PEM public key, as `cosign generate-key-pair` writes it"),
    transparencyLog: z.enum(["required", "optional"]).default("optional")
      .describe("whether a signature needs a log entry"),
    trustedRoot: trustedRoot.optional().describe(
      "as below; needed when transparencyLog is required, without it log entries count for nothing",
    ),
  }),
  z.strictObject({
    name: name.describe("stands in records and receipts"),
    identity: z.string().min(1).describe(
      "exact subject alternative name of the signing certificate",
    ),
    issuer: httpsUrl.describe("exact OIDC issuer in the certificate"),
    trustedRoot: trustedRoot.describe(
      "trusted_root.json of the Sigstore instance, or public-good for Sigstore's own",
    ),
    transparencyLog: z.literal("required").default("required").describe("always"),
  }),
]);

export const Trust = z.strictObject({
  signers: z.array(Signer).max(50).default([]).describe(
    "who may sign; any one of them, or as many as the threshold says",
  ),
  threshold: z.int().min(1).max(10).default(1).describe(
    "how many distinct signers must have signed, each with a bundle of its own",
  ),
}).describe("who may sign work packages; with no signer every package is refused");

const Approver = z.union([
  z.strictObject({
    name: name.describe("one person, whichever way; stands in records and receipts"),
    uid: z.int().min(0).describe("user of the operating system, at the command line"),
  }),
  z.strictObject({
    name: name.describe("one person, whichever way; stands in records and receipts"),
    // Without parentheses and blanks, so that `alice (kubernetes x)` can be read in one way only.
    kubernetesUser: z.string().regex(
      /^[!-'*-~]{1,253}$/,
      "must be a user name of 1 to 253 visible ASCII characters without parentheses",
    ).meta({ form: "user name" }).describe(
      "user of the cluster, by kubectl annotate; needs kubernetes.journal and docs/examples/approval-policy.yaml",
    ),
  }),
  ...Signer.options,
]);

export const Execution = z.strictObject({
  policyFile: path.optional().describe(
    "the execution policy; without one every package is refused",
  ),
  approvers: z.array(Approver).max(100).default([]).describe(
    "who may approve and reject, by user id, user of the cluster or signature; without any user id, root and the connector's own",
  ),
  fieldManager: z.string().min(1).max(128).default("neuralops-connector")
    .describe("field manager of server-side apply"),
  maxOpen: z.int().min(1).max(1000).default(100).describe(
    "open executions; above it POST /execute answers 429",
  ),
  keep: duration("90d", "1d", "3650d").describe(
    "how long an execution is kept after its end; in any case until its package has expired",
  ),
  maxParallel: z.int().min(1).max(32).default(4).describe(
    "packages carried out at once; those that touch the same objects, or are of one stream, never are",
  ),
  labels: z.record(z.string(), z.string()).default({}).describe(
    "what spec.target.matchLabels is matched with",
  ),
  files: FileRoots.prefault({}),
}).describe("how work packages are carried out");

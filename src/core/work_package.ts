/**
 * The work package: what a signer may ask for. Parsed only after its bytes were verified, strictly:
 * an unknown field, an alias, a second document or an object without a name refuses the whole.
 */
import * as z from "zod";
import { InvalidInputError } from "../errors.ts";
import { parseYamlDocument, parseYamlDocuments, YamlProblem } from "./bounded_yaml.ts";
import { parseDuration } from "./duration.ts";
import { fileRef, FilesAction, isFileRef } from "./host_file.ts";
import {
  formatRef,
  isJsonObject,
  type Json,
  type KubeObject,
  type ObjectRef,
  refOf,
} from "./kubernetes_object.ts";
import { describeIssues } from "./schema_problem.ts";

export const MAX_OBJECTS = 100;
export const RISKS = ["low", "medium", "high"] as const;
export const ACTION_KINDS = ["apply", "scale", "restart", "delete", "files"] as const;
const MAX_WAIT_MS = 3_600_000;
const DNS_SUBDOMAIN = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

const dnsName = z.string().regex(DNS_SUBDOMAIN, "must be a DNS name in lower case");
const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
  .describe("RFC 3339");
const wait = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms === null || ms < 1 || ms > MAX_WAIT_MS) {
    context.addIssue({ code: "custom", message: "must be a duration of at most 1h, such as 5m" });
    return z.NEVER;
  }
  return ms;
});

export const Ref = z.strictObject({
  apiVersion: z.string().regex(
    /^([a-z0-9.-]+\/)?v[a-z0-9]+$/,
    "must be an API version, such as apps/v1",
  ),
  kind: z.string().regex(/^[A-Z][A-Za-z0-9]*$/, "must be a kind, such as Deployment"),
  namespace: dnsName.optional(),
  name: dnsName,
});

const Manifest = z.string().min(1).transform((text, context): KubeObject[] => {
  const fail = (message: string) => {
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  let documents: Json[];
  try {
    documents = parseYamlDocuments(text).filter((document) => document !== null);
  } catch (error) {
    if (error instanceof YamlProblem) return fail(`is not a usable manifest: ${error.message}`);
    throw error;
  }
  if (documents.length === 0) return fail("holds no object");
  const problem = documents.map(manifestProblem).find((found) => found !== null);
  return problem ? fail(problem) : documents as KubeObject[];
});

/** Fields that only a server sets; in a manifest they are a mistake or an attack. */
const SERVER_FIELDS = [
  "managedFields",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
];

function manifestProblem(document: Json, index: number): string | null {
  const where = `object ${index + 1}`;
  if (!isJsonObject(document) || !isJsonObject(document.metadata)) {
    return `${where}: must be a Kubernetes object with apiVersion, kind and metadata.name`;
  }
  const { metadata } = document;
  const parsed = Ref.safeParse({
    apiVersion: document.apiVersion,
    kind: document.kind,
    name: metadata.name,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  });
  if (!parsed.success) return `${where}: ${describeIssues(parsed.error, document)[0]}`;
  if (parsed.data.kind.endsWith("List")) return `${where}: lists are refused, write documents`;
  const forbidden = SERVER_FIELDS.find((field) => field in metadata);
  if (forbidden) return `${where}: metadata.${forbidden} is set by the server only`;
  return "status" in document ? `${where}: status is set by controllers only` : null;
}

export const Action = z.union([
  z.strictObject({ apply: z.strictObject({ manifest: Manifest }) }),
  z.strictObject({
    scale: z.strictObject({ ref: Ref, replicas: z.int().min(0).max(100_000) }),
  }),
  z.strictObject({ restart: z.strictObject({ ref: Ref }) }),
  z.strictObject({ delete: z.strictObject({ refs: z.array(Ref).min(1).max(MAX_OBJECTS) }) }),
  z.strictObject({ files: FilesAction }),
]);

export const WorkPackageSchema = z.strictObject({
  apiVersion: z.literal("neuralops.io/v1"),
  kind: z.literal("WorkPackage"),
  metadata: z.strictObject({
    name: dnsName,
    stream: dnsName.describe("sequence numbers count up within it"),
    sequence: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  }),
  spec: z.strictObject({
    target: z.strictObject({
      clusterIds: z.array(z.string().min(1).max(253)).min(1).max(1000).optional(),
      matchLabels: z.record(z.string(), z.string())
        .refine((labels) => Object.keys(labels).length > 0, "must hold at least one label")
        .optional(),
    }).refine(
      (target) => target.clusterIds !== undefined || target.matchLabels !== undefined,
      "must name clusterIds or matchLabels: a package is never for everything by omission",
    ),
    notBefore: instant,
    expiresAt: instant,
    risk: z.enum(RISKS),
    reason: z.string().min(1).max(2000),
    actions: z.array(Action).min(1).max(MAX_OBJECTS),
    wait: z.strictObject({ timeout: wait }).default({ timeout: 300_000 }),
    onFailure: z.enum(["rollback", "stop"]).default("rollback"),
  }).refine((spec) => spec.notBefore < spec.expiresAt, {
    path: ["expiresAt"],
    message: "must be later than notBefore",
  }),
});

export type WorkPackage = z.infer<typeof WorkPackageSchema>;
export type Action = z.infer<typeof Action>;
export type ActionKind = typeof ACTION_KINDS[number];
export type Risk = typeof RISKS[number];

/** Throws InvalidInputError `malformed_package` or `too_many_objects`. */
export function parseWorkPackage(bytes: Uint8Array): WorkPackage {
  let document: Json;
  try {
    document = parseYamlDocument(bytes);
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    throw new InvalidInputError("malformed_package", `The work package ${error.message}`, {
      cause: error,
    });
  }
  const parsed = WorkPackageSchema.safeParse(document);
  if (!parsed.success) {
    throw new InvalidInputError(
      "malformed_package",
      `The work package is not valid: ${describeIssues(parsed.error, document).join("; ")}`,
      { hint: "see docs/wpk-format.md; sign the corrected file again" },
    );
  }
  const count = targetsOf(parsed.data).length;
  if (count > MAX_OBJECTS) {
    throw new InvalidInputError(
      "too_many_objects",
      `The work package touches ${count} objects, at most ${MAX_OBJECTS} are allowed`,
      { hint: "split it into several packages of one stream" },
    );
  }
  checkFiles(targetsOf(parsed.data));
  const twice = firstRepeated(targetsOf(parsed.data).map((target) => formatRef(target.ref)));
  if (twice) {
    throw new InvalidInputError("malformed_package", `The work package names ${twice} twice`, {
      hint: "one package does one thing to an object; use a second package of the stream",
    });
  }
  return parsed.data;
}

/** Only a files action names files, and none of them stands where another needs a folder. */
function checkFiles(targets: readonly ActionTarget[]): void {
  const fail = (message: string) => {
    throw new InvalidInputError("malformed_package", message, { hint: "see docs/wpk-format.md" });
  };
  const files = new Set<string>();
  for (const { action, ref } of targets) {
    if (!isFileRef(ref)) continue;
    if (action !== "files") fail(`${formatRef(ref)} can be changed by a files action only`);
    files.add(formatRef(ref));
  }
  for (const file of files) {
    const folders = [...file.matchAll(/\//g)].map(({ index }) => file.slice(0, index));
    const taken = folders.find((folder) => files.has(folder));
    if (taken) fail(`The work package names ${taken} as a file and as a folder`);
  }
}

function firstRepeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}

export interface ActionTarget {
  readonly action: ActionKind;
  readonly ref: ObjectRef;
}

/** Every object that the package names, in order; one entry per object and action. */
export function targetsOf(workPackage: WorkPackage): ActionTarget[] {
  return workPackage.spec.actions.flatMap((action): ActionTarget[] => {
    if ("apply" in action) {
      return action.apply.manifest.map((object) => ({ action: "apply", ref: refOf(object) }));
    }
    if ("scale" in action) return [{ action: "scale", ref: action.scale.ref }];
    if ("restart" in action) return [{ action: "restart", ref: action.restart.ref }];
    if ("files" in action) {
      const { root, entries } = action.files;
      return entries.map(({ path }) => ({ action: "files", ref: fileRef(root, path) }));
    }
    return action.delete.refs.map((ref) => ({ action: "delete", ref }));
  });
}

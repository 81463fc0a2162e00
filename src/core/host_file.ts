/**
 * A file on an edge host, as packages, plans and preimages speak of it: an object whose namespace is the
 * name of a configured root, and whose name is the path within it.
 */
import * as z from "zod";
import { decodeBase64, encodeBase64, encodeUtf8 } from "./encoding.ts";
import type { Json, KubeObject, ObjectRef } from "./kubernetes_object.ts";

export const FILE_API = "files.neuralops.io/v1";
const FILE_KIND = "File";
export const MAX_FILE_BYTES = 1024 * 1024;
/** What the connector calls files that are not finished; no package may name one. */
export const OWN_PREFIX = ".neuralops-";
const MAX_PATH = 512;
const MAX_DEPTH = 16;
const MAX_SEGMENT = 200;

/** What is at a place, or is to be there. */
export interface HostFile {
  /** Permission bits, such as 0o644. */
  readonly mode: number;
  readonly content: Uint8Array;
}

export interface FileEntry {
  readonly path: string;
  /** null: no file is to be there. */
  readonly file: HostFile | null;
  /** Its content is masked in plans. */
  readonly sensitive: boolean;
}

export const rootName = z.string().regex(
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
  "must be a root's name: lower case letters, digits and -",
);

/** Text such as "0644": nothing above the nine permission bits can be written so. */
export const fileMode = z.string().regex(
  /^0[4-7][0-7]{2}$/,
  'must be four octal digits in quotes, such as "0644": the owner reads, no setuid, setgid or sticky',
).transform((text) => Number.parseInt(text, 8));

/** Few characters, so that a path is the same to every shell, unit and file system that meets it. */
const relativePath = z.string().min(1).max(MAX_PATH).superRefine((path, context) => {
  const problem = faultOfPath(path);
  if (problem) context.addIssue({ code: "custom", message: problem });
});

function faultOfPath(path: string): string | null {
  if (path.startsWith("/")) return "must be relative to the root";
  if (!/^[\w.@+:=,~/-]*$/.test(path)) {
    return "may hold letters, digits and . _ - @ + : = , ~ alone, and / between names";
  }
  const segments = path.split("/");
  if (segments.length > MAX_DEPTH) return `is deeper than ${MAX_DEPTH} names`;
  if (segments.some((name) => name === "" || name === "." || name === "..")) {
    return 'must not hold empty names, "." or ".."';
  }
  if (segments.some((name) => name.length > MAX_SEGMENT)) {
    return `holds a name of more than ${MAX_SEGMENT} characters`;
  }
  return segments.some((name) => name.startsWith(OWN_PREFIX))
    ? `names that begin with ${OWN_PREFIX} are the connector's own`
    : null;
}

const common = { path: relativePath, sensitive: z.boolean().default(false) };
const placed = { ...common, mode: fileMode.default(0o644) };
const isSmall = (bytes: Uint8Array) => bytes.length <= MAX_FILE_BYTES;
const tooLarge = `must have at most ${MAX_FILE_BYTES} bytes`;

const text = z.string().refine((value) => value.isWellFormed(), "must be proper Unicode")
  .transform(encodeUtf8).refine(isSmall, tooLarge);
const base64 = z.string().transform((value, context) => {
  try {
    return decodeBase64(value);
  } catch {
    context.addIssue({ code: "custom", message: "must be standard base64 with padding" });
    return z.NEVER;
  }
}).refine(isSmall, tooLarge);

const Entry = z.union([
  z.strictObject({ ...placed, content: text })
    .transform(({ content, mode, ...entry }): FileEntry => ({ ...entry, file: { content, mode } })),
  z.strictObject({ ...placed, contentBase64: base64 })
    .transform(({ contentBase64: content, mode, ...entry }): FileEntry => (
      { ...entry, file: { content, mode } }
    )),
  z.strictObject({ ...common, absent: z.literal(true) })
    .transform(({ path, sensitive }): FileEntry => ({ path, sensitive, file: null })),
]);

export const FilesAction = z.strictObject({
  root: rootName,
  entries: z.array(Entry).min(1).max(100),
});

export function fileRef(root: string, path: string): ObjectRef {
  return { apiVersion: FILE_API, kind: FILE_KIND, namespace: root, name: path };
}

export function isFileRef({ apiVersion }: Pick<ObjectRef, "apiVersion">): boolean {
  return apiVersion === FILE_API;
}

export interface FileSight {
  readonly file: (HostFile & { readonly foreignOwner: string | null }) | null;
  /** Folders on its way that are not there, the outermost first. */
  readonly missing: readonly string[];
}

export function fileObject(ref: ObjectRef, { file, missing }: FileSight): KubeObject {
  const spec: Json = file === null ? { missing: [...missing] } : {
    mode: formatMode(file.mode),
    contentBase64: encodeBase64(file.content),
    foreignOwner: file.foreignOwner,
  };
  const { apiVersion, kind, namespace, name } = ref;
  return { apiVersion, kind, metadata: { namespace: namespace!, name }, spec };
}

const Spec = z.union([
  z.strictObject({
    mode: fileMode,
    contentBase64: z.string().transform(decodeBase64),
    foreignOwner: z.string().nullable(),
  }).transform(({ mode, contentBase64: content, foreignOwner }): FileSight => (
    { file: { mode, content, foreignOwner }, missing: [] }
  )),
  z.strictObject({ missing: z.array(z.string()) })
    .transform(({ missing }): FileSight => ({ file: null, missing })),
]);

/** Back from what `fileObject` made, and nothing else: it comes from the sealed journal. */
export function readFileObject(object: KubeObject | null): FileSight {
  return Spec.parse(object?.spec);
}

export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

export function isSameFile(a: HostFile | null, b: HostFile | null): boolean {
  if (a === null || b === null) return a === b;
  return a.mode === b.mode && a.content.length === b.content.length &&
    a.content.every((byte, index) => byte === b.content[index]);
}

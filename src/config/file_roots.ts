/** `execution.files`: where packages may place files on this host. */
import * as z from "zod";
import { fileMode, MAX_FILE_BYTES, rootName } from "../core/host_file.ts";
import { path } from "./fields.ts";

const id = z.int().min(0).max(4_294_967_294);

const FileRoot = z.strictObject({
  name: rootName.describe("what packages call it; the namespace of its files in policy and plans")
    .meta({ form: "DNS label" }),
  path: path.optional().describe(
    "the directory, which must be there; default: files/<name> in stateDir, made when missing",
  ),
  maxMode: fileMode.prefault("0644").describe("permission bits that a file may have at most")
    .meta({ form: "octal text" }),
  maxBytes: z.int().min(1).max(MAX_FILE_BYTES).default(MAX_FILE_BYTES).describe(
    "of one file, whether it is there or to be placed",
  ),
  owner: z.strictObject({
    uid: id.describe("user id"),
    gid: id.describe("group id"),
  }).optional().describe("whose files may be replaced, besides those of the connector's own user"),
});

export const FileRoots = z.strictObject({
  roots: z.array(FileRoot).max(50).default([]).describe(
    "directories of this host in which packages may place files; without one, nowhere",
  ),
}).refine(({ roots }) => new Set(roots.map(({ name }) => name)).size === roots.length, {
  path: ["roots"],
  message: "must not hold two roots of one name",
}).describe("files actions, for edge hosts");

export type FileRootConfig = z.infer<typeof FileRoot>;

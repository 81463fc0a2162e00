/** A file placed or removed on an edge host, and its reversal to the bytes and mode that were there. */
import { RefusedError } from "../../errors.ts";
import { diffFiles } from "../../core/file_diff.ts";
import {
  type FileEntry,
  fileObject,
  fileRef,
  type HostFile,
  isSameFile,
  readFileObject,
} from "../../core/host_file.ts";
import { formatRef } from "../../core/kubernetes_object.ts";
import type { PlanVerb } from "../../core/plan.ts";
import type { Sight } from "../host_files.ts";
import type { Operation, OperationContext } from "./operation.ts";

export function fileOperation(
  root: string,
  { path, file: wanted, sensitive }: FileEntry,
  { hostFiles, maskSalt: salt }: OperationContext,
): Operation {
  const ref = fileRef(root, path);
  const name = formatRef(ref);
  const place = { root, path };
  const put = (file: HostFile | null, seen: Sight) =>
    file === null ? hostFiles.remove(place, seen) : hostFiles.put(place, file, seen);
  const tidyAndLook = async (): Promise<Sight | RefusedError> => {
    try {
      await hostFiles.tidy(place);
      return await hostFiles.look(place);
    } catch (error) {
      if (error instanceof RefusedError && error.code === "file_refused") return error;
      throw error;
    }
  };
  return {
    ref,
    async preview() {
      if (wanted) hostFiles.check(place, wanted);
      const seen = await hostFiles.look(place);
      const { file } = seen;
      const changes = diffFiles(file, wanted, { salt, sensitive });
      const verb = verbOf(file, wanted);
      const warnings = file?.foreignOwner && verb !== "unchanged"
        ? [
          `is owned by ${file.foreignOwner}; what takes its place is owned by the connector's user`,
        ]
        : [];
      const before = fileObject(ref, seen);
      return { entry: { action: "files", verb, ref, uid: null, changes, warnings }, before };
    },
    async perform(_cluster, before) {
      const seen = await tidyAndLook();
      if (seen instanceof RefusedError) throw seen;
      if (isSameFile(seen.file, wanted)) return;
      if (!isSameFile(seen.file, readFileObject(before).file)) {
        throw new RefusedError("plan_changed", `${name} was changed after it was planned`);
      }
      await put(wanted, seen);
    },
    assess(live) {
      const file = live && readFileObject(live).file;
      if (isSameFile(file, wanted)) return { state: "current", message: "is as asked for" };
      return { state: "failed", message: "was changed by someone else" };
    },
    async revert(_cluster, before) {
      const { file: earlier, missing } = readFileObject(before);
      const seen = await tidyAndLook();
      // Whatever is in the way is not ours to take away, and says so.
      if (seen instanceof RefusedError) return [`${name}: ${seen.message}`];
      if (!isSameFile(seen.file, earlier)) {
        if (!isSameFile(seen.file, wanted)) {
          return [`${name}: was changed by someone else meanwhile`];
        }
        await put(earlier, seen);
      }
      await hostFiles.removeFolders(root, missing);
      const owner = earlier?.foreignOwner;
      // Also after a crash in between: only what is owned as before needs no word.
      const isLost = owner && (await hostFiles.look(place)).file?.foreignOwner !== owner;
      return isLost ? [`${name}: was owned by ${owner}`] : [];
    },
  };
}

function verbOf(before: HostFile | null, after: HostFile | null): PlanVerb {
  if (isSameFile(before, after)) return "unchanged";
  if (before === null) return "create";
  return after === null ? "delete" : "change";
}

/** Follows a log's folder, on several threads where that is worth it. */
import { followDirectory, joinPath, listSegments } from "../adapters/audit_recovery.ts";
import type { VisitRecord } from "../core/audit/verify.ts";
import type { Files } from "../runtime.ts";

/** Threads take a tenth of a second to start. */
const THREADS_FROM_BYTES = 48 << 20;

/** @param visit says with `next` which records it has to see; else there are no threads */
export async function followFolder(
  files: Files,
  directory: string,
  publicKey: Uint8Array | null,
  visit: VisitRecord,
  threads = navigator.hardwareConcurrency,
): ReturnType<typeof followDirectory> {
  if (threads < 2 || await sizeOf(files, directory) < THREADS_FROM_BYTES) {
    return await followDirectory(files, directory, publicKey, visit);
  }
  const { mayStartThreads, SegmentWorkers } = await import("./audit_workers.ts");
  if (!await mayStartThreads()) return await followDirectory(files, directory, publicKey, visit);
  using workers = new SegmentWorkers(threads);
  return await followDirectory(files, directory, publicKey, visit, workers);
}

async function sizeOf(files: Files, directory: string): Promise<number> {
  let bytes = 0;
  for (const { fileName } of await listSegments(files, directory)) {
    bytes += (await files.stat(joinPath(directory, fileName)))?.size ?? 0;
  }
  return bytes;
}

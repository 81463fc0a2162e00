/**
 * A thread that verifies segments. The same module says where it is, for who starts such threads, and is
 * what they run: so it is found in the source, in a bundle and in a binary alike.
 */
import { runSegmentJob, type SegmentJob } from "../core/audit/segment_job.ts";

export const WORKER_URL = import.meta.url;

interface Scope {
  onmessage: ((event: MessageEvent<SegmentJob>) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}

if ("WorkerGlobalScope" in globalThis) {
  const scope = globalThis as unknown as Scope;
  scope.onmessage = async ({ data }) => {
    const result = await runSegmentJob(data);
    scope.postMessage(result, result === null ? [] : [result.leaves.buffer]);
  };
}

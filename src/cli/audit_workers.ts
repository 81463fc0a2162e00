/** Threads that verify segments, this one among them: as many as there are processors. */
import { setImmediate } from "node:timers";
import type { SegmentVerifier } from "../adapters/audit_parallel.ts";
import { runSegmentJob, type SegmentJob, type SegmentResult } from "../core/audit/segment_job.ts";
import { WORKER_URL } from "./audit_worker.ts";

/** A thread reads the module that it runs, unless that is in the binary. */
export async function mayStartThreads(): Promise<boolean> {
  if (Deno.build.standalone) return true;
  const path = new URL(WORKER_URL);
  return (await Deno.permissions.query({ name: "read", path })).state === "granted";
}

/** A segment waits behind another, so that its thread need not wait for this one. */
const MAX_QUEUED = 2;

interface Thread {
  readonly worker: Worker;
  /** Whoever waits for its answers, which come in order. */
  readonly jobs: { resolve(result: SegmentResult | null): void; reject(error: Error): void }[];
}

export class SegmentWorkers implements SegmentVerifier, Disposable {
  readonly #threads: readonly Thread[];

  /** @param count this thread is one of them, as an isolate costs as much as a segment */
  constructor(readonly count = navigator.hardwareConcurrency) {
    this.#threads = Array.from({ length: Math.max(1, count - 1) }, startThread);
  }

  /** Takes the job's bytes: they are gone here afterwards. Rejects when the thread failed. */
  async verify(job: SegmentJob): Promise<SegmentResult | null> {
    const thread = this.#threads.reduce((a, b) => b.jobs.length < a.jobs.length ? b : a);
    if (thread.jobs.length >= MAX_QUEUED) return await runSegmentJob(job, rest);
    return await new Promise((resolve, reject) => {
      thread.jobs.push({ resolve, reject });
      thread.worker.postMessage(job, [job.bytes.buffer as ArrayBuffer]);
    });
  }

  [Symbol.dispose](): void {
    for (const { worker } of this.#threads) worker.terminate();
  }
}

/** Lets in what the other threads have sent. */
const rest = () => new Promise<void>((resolve) => setImmediate(resolve));

function startThread(): Thread {
  const worker = new Worker(WORKER_URL, { type: "module" });
  const jobs: Thread["jobs"] = [];
  worker.onmessage = ({ data }) => jobs.shift()!.resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    for (const { reject } of jobs.splice(0)) reject(new Error(event.message));
  };
  return { worker, jobs };
}

/** Threads that verify segments, as many as there are processors. */
import type { SegmentVerifier } from "../adapters/audit_parallel.ts";
import type { SegmentJob, SegmentResult } from "../core/audit/segment_job.ts";
import { WORKER_URL } from "./audit_worker.ts";

/** A thread reads the module that it runs, unless that is in the binary. */
export async function mayStartThreads(): Promise<boolean> {
  if (Deno.build.standalone) return true;
  const path = new URL(WORKER_URL);
  return (await Deno.permissions.query({ name: "read", path })).state === "granted";
}

export class SegmentWorkers implements SegmentVerifier, Disposable {
  readonly #idle: Worker[];
  readonly #all: readonly Worker[];
  readonly #waiting: ((worker: Worker) => void)[] = [];

  constructor(readonly count = navigator.hardwareConcurrency) {
    this.#all = Array.from({ length: count }, () => new Worker(WORKER_URL, { type: "module" }));
    this.#idle = [...this.#all];
  }

  /** Takes the job's bytes: they are gone here afterwards. Rejects when the thread failed. */
  async verify(job: SegmentJob): Promise<SegmentResult | null> {
    const worker = this.#idle.pop() ??
      await new Promise<Worker>((resolve) => this.#waiting.push(resolve));
    try {
      return await new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new Error(event.message));
        };
        worker.postMessage(job, [job.bytes.buffer as ArrayBuffer]);
      });
    } finally {
      const next = this.#waiting.shift();
      if (next) next(worker);
      else this.#idle.push(worker);
    }
  }

  [Symbol.dispose](): void {
    for (const worker of this.#all) worker.terminate();
  }
}

/** Waiting for a condition of another process, never longer than agreed. */

/** Rejects with an Error that names what did not come. */
export async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

const POLL_MS = 100;
const EVENTUALLY_MS = 30_000;

/** Asks until the condition holds; for what another server takes up in its own time. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + EVENTUALLY_MS;
  while (!await holds()) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${EVENTUALLY_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

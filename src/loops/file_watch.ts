/**
 * Notices that files have other bytes than before. Read whole: they are small, and neither time nor size
 * tells of every change. By name, so that a link which is set to another folder counts, as in volumes of
 * Kubernetes.
 */
import { encodeUtf8, sha256Hex } from "../core/encoding.ts";
import type { Clock, Files, Random } from "../runtime.ts";

/** Between two looks; the half at least, so that not all agents of a cluster look at once. */
export const LOOK_EVERY_MS = 60_000;
const MAX_FILE_BYTES = 4 * 1024 * 1024;

export interface FileWatchPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Pick<Files, "read">;
}

export class FileWatch {
  private constructor(
    private readonly ports: FileWatchPorts,
    private readonly paths: readonly string[],
    private known: string,
  ) {}

  /** Remembers how the files are now: begin it before they are read for use. */
  static async begin(ports: FileWatchPorts, paths: readonly string[]): Promise<FileWatch> {
    return new FileWatch(ports, paths, await fingerprint(ports.files, paths));
  }

  /** Calls back once for each change that it finds, until the signal aborts; resolves then. */
  async run(onChange: () => void | Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, random, files } = this.ports;
    if (this.paths.length === 0) return;
    while (!signal.aborted) {
      const pauseMs = LOOK_EVERY_MS * (1 + random.fraction()) / 2;
      await clock.sleep(pauseMs, signal).catch(() => {});
      if (signal.aborted) return;
      const found = await fingerprint(files, this.paths);
      if (found === this.known) continue;
      this.known = found;
      await onChange();
    }
  }
}

/** A file that is not there, or cannot be read, has a place in it too. */
async function fingerprint(
  files: Pick<Files, "read">,
  paths: readonly string[],
): Promise<string> {
  const digests = await Promise.all(paths.map(async (path) => {
    const bytes = await files.read(path, MAX_FILE_BYTES).catch(() => null);
    return bytes && sha256Hex(bytes);
  }));
  return sha256Hex(encodeUtf8(JSON.stringify(digests)));
}

/**
 * Remote write as the sink of signals. A receiver that takes samples in order alone is never sent the same
 * twice without telling: what was sent and may be there is known, on the disk too, so that its refusal of
 * what it already has is told from its refusal of what it never had.
 */
import { RemoteWriteBatch } from "../core/signals/remote_write/batch.ts";
import { RemoteWritePacker } from "../core/signals/remote_write/packer.ts";
import { noteId, type SendingNote } from "../core/signals/remote_write/sending_note.ts";
import { metricName, SeriesLabels } from "../core/signals/remote_write/series_labels.ts";
import type { OutgoingBatch, PackedWindow } from "../core/signals/series_handler.ts";
import { InvalidInputError } from "../errors.ts";
import type { SignalsSink } from "../loops/signals_ports.ts";
import type { Clock } from "../runtime.ts";
import type { RemoteWriteReceiver } from "./remote_write_receiver.ts";
import type { SendingFiles } from "./sending_file.ts";

export interface RemoteWriteOptions {
  readonly maxSamplesPerSend: number;
  readonly externalLabels: Readonly<Record<string, string>>;
  readonly nativeHistograms: boolean;
  /** Whether the receiver takes samples that are older than what a series already has. */
  readonly outOfOrder: boolean;
  /** Whether another agent may have sent the windows before, whose notes are not here; default false. */
  readonly takesOver?: boolean;
}

/** Of one query. */
interface Sending {
  note: SendingNote;
  /** Of an attempt before this one, mostly by a process that has ended; null once its time is passed. */
  earlier: SendingNote | null;
  readonly windowIds: readonly string[];
  readonly endMs: number;
  /** What was refused up to here was taken when another agent led. */
  readonly takenOverMs: number;
}

export class RemoteWriteSink implements SignalsSink {
  /** A series that has a point there and none at the window's first is marked as ended. */
  readonly lookBehindSteps = 1;
  readonly #sending = new Map<string, Sending>();
  /** That may have reached the receiver before. */
  readonly #tried = new WeakSet<RemoteWriteBatch>();

  constructor(
    private readonly receiver: RemoteWriteReceiver,
    private readonly files: SendingFiles,
    private readonly options: RemoteWriteOptions,
    private readonly clock: Pick<Clock, "now">,
  ) {}

  /** Newer windows MUST NOT be sent before older ones, and none is sent again for late samples. */
  get inOrderOnly(): boolean {
    return !this.options.outOfOrder;
  }

  pack(content: PackedWindow): RemoteWritePacker {
    const { maxSamplesPerSend, externalLabels, nativeHistograms } = this.options;
    return new RemoteWritePacker(content, {
      version: this.receiver.version,
      maxSamples: maxSamplesPerSend,
      labels: new SeriesLabels(externalLabels, metricName(content.query.name)),
      nativeHistograms,
    });
  }

  async send(batch: OutgoingBatch, signal: AbortSignal): Promise<void> {
    if (!(batch instanceof RemoteWriteBatch)) throw new TypeError("A batch of another sink");
    if (batch.origin.isAboutGaps) return await this.#tellGaps(batch, signal);
    if (!this.inOrderOnly) return await this.#sendOnce(batch, null, signal);
    const sending = await this.#note(batch);
    const { earlier } = sending;
    const isPlain = earlier === null || earlier.refused || earlier.requests.includes(idOf(batch)) ||
      batch.window.endMs <= sending.takenOverMs;
    if (isPlain) return await this.#sendOnce(batch, sending, signal);
    // The window went out before with other content: as far as it reached then, this may be there.
    const { before, after } = await batch.cutAt(earlier.endMs + 1);
    if (before !== null) await this.#sendWhatIsMissing(before, signal);
    if (after !== null) await this.#sendOnce(after, sending, signal);
  }

  async #sendOnce(
    batch: RemoteWriteBatch,
    sending: Sending | null,
    signal: AbortSignal,
  ): Promise<void> {
    const mayBeThere = this.#tried.has(batch) || (sending !== null &&
      (batch.window.endMs <= sending.takenOverMs ||
        (sending.earlier?.requests.includes(idOf(batch)) ?? false)));
    this.#tried.add(batch);
    let isOld = false;
    try {
      const written = await this.receiver.write(batch, signal);
      if (written.kind === "taken") return;
      // Then it was taken whole before, or what was missing of it has been taken now.
      if (written.kind === "out_of_order" && mayBeThere) return;
      isOld = true;
      throw written.error;
    } catch (error) {
      if (error instanceof InvalidInputError) await this.#forget(batch, sending, isOld);
      throw error;
    }
  }

  /** They are in the ledger already: that an older one is no longer taken here loses nothing. */
  async #tellGaps(batch: RemoteWriteBatch, signal: AbortSignal): Promise<void> {
    const written = await this.receiver.write(batch, signal);
    if (written.kind === "taken") return;
    for (const half of await batch.split() ?? []) await this.#tellGaps(half, signal);
  }

  /** In ever smaller parts, until only what is there already is refused. */
  async #sendWhatIsMissing(batch: RemoteWriteBatch, signal: AbortSignal): Promise<void> {
    const written = await this.receiver.write(batch, signal);
    if (written.kind === "taken") return;
    if (written.kind === "too_old") throw written.error;
    for (const half of await batch.split() ?? []) await this.#sendWhatIsMissing(half, signal);
  }

  /** On the disk before the first request of a window goes out. */
  async #note(batch: RemoteWriteBatch): Promise<Sending> {
    const { query, window: { startMs, endMs, stepMs }, origin: { windowIds } } = batch;
    const current = this.#sending.get(query);
    if (current?.windowIds === windowIds) return current;
    const earlier = current?.note ?? await this.files.load(query);
    const stillOpen = earlier !== null && earlier.endMs >= startMs ? earlier : null;
    const requests = [...new Set([...stillOpen?.requests ?? [], ...windowIds.map(noteId)])];
    const note: SendingNote = {
      schema: "neuralops.io/sending/v1",
      query,
      startMs: Math.min(startMs, stillOpen?.startMs ?? startMs),
      endMs: Math.max(endMs, stillOpen?.endMs ?? endMs),
      requests,
      refused: stillOpen?.refused ?? false,
    };
    await this.files.save(note);
    const goesOn = current !== undefined && startMs <= current.endMs + stepMs;
    const takenOverMs = goesOn
      ? current.takenOverMs
      : this.options.takesOver
      ? this.clock.now()
      : -Infinity;
    const sending = { note, earlier: stillOpen, windowIds, endMs, takenOverMs };
    this.#sending.set(query, sending);
    return sending;
  }

  /** The receiver has said that it does not have this one: a crash from here on must not forget that. */
  async #forget(
    batch: RemoteWriteBatch,
    sending: Sending | null,
    isOld: boolean,
  ): Promise<void> {
    this.#tried.delete(batch);
    if (sending === null || !(isOld || sending.note.requests.includes(idOf(batch)))) return;
    sending.note = without(sending.note, idOf(batch), isOld);
    sending.earlier &&= without(sending.earlier, idOf(batch), isOld);
    await this.files.save(sending.note);
  }
}

function without(note: SendingNote, id: string, isOld: boolean): SendingNote {
  const requests = note.requests.filter((one) => one !== id);
  return { ...note, requests, refused: note.refused || isOld };
}

function idOf(batch: RemoteWriteBatch): string {
  return noteId(batch.batchId);
}

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
import type { RemoteWriteReceiver } from "./remote_write_receiver.ts";
import type { SendingFiles } from "./sending_file.ts";

export interface RemoteWriteOptions {
  readonly maxSamplesPerSend: number;
  readonly externalLabels: Readonly<Record<string, string>>;
  readonly nativeHistograms: boolean;
  /** Whether the receiver takes samples that are older than what a series already has. */
  readonly outOfOrder: boolean;
}

/** Of one query. */
interface Sending {
  note: SendingNote;
  /** Of a process before this one, while its time is not passed. */
  earlier: SendingNote | null;
  /** Whose first try may have reached the receiver. */
  readonly tried: Set<string>;
  readonly windowIds: readonly string[];
}

export class RemoteWriteSink {
  /** A series that has a point there and none at the window's first is marked as ended. */
  readonly lookBehindSteps = 1;
  readonly #sending = new Map<string, Sending>();

  constructor(
    private readonly receiver: RemoteWriteReceiver,
    private readonly files: SendingFiles,
    private readonly options: RemoteWriteOptions,
  ) {}

  /** Newer windows MUST NOT be sent before older ones, and none is sent again for late samples. */
  get inOrderOnly(): boolean {
    return !this.options.outOfOrder;
  }

  pack(content: PackedWindow): RemoteWritePacker {
    const { maxSamplesPerSend, externalLabels, nativeHistograms } = this.options;
    return new RemoteWritePacker(content, this.lookBehindSteps, {
      version: this.receiver.version,
      maxSamples: maxSamplesPerSend,
      labels: new SeriesLabels(externalLabels, metricName(content.query.name)),
      nativeHistograms,
    });
  }

  async send(batch: OutgoingBatch, signal: AbortSignal): Promise<void> {
    if (!(batch instanceof RemoteWriteBatch)) throw new TypeError("A batch of another sink");
    if (batch.origin.isAboutGaps) return await this.#tellGaps(batch, signal);
    if (this.inOrderOnly) return await this.#sendInOrder(batch, signal);
    const written = await this.receiver.write(batch, signal);
    if (written.kind !== "taken") throw written.error;
  }

  /** They are in the ledger already: that an older one is no longer taken here loses nothing. */
  async #tellGaps(batch: RemoteWriteBatch, signal: AbortSignal): Promise<void> {
    const written = await this.receiver.write(batch, signal);
    if (written.kind === "taken") return;
    for (const half of await batch.split() ?? []) await this.#tellGaps(half, signal);
  }

  async #sendInOrder(batch: RemoteWriteBatch, signal: AbortSignal): Promise<void> {
    const sending = await this.#note(batch);
    const { earlier, tried } = sending;
    const id = noteId(batch.batchId);
    const mayBeThere = tried.has(id) || (earlier?.requests.includes(id) ?? false);
    tried.add(id);
    try {
      const written = await this.receiver.write(batch, signal);
      if (written.kind === "taken") return;
      if (written.kind === "out_of_order") {
        // It was taken whole, or those of it that were not have been now.
        if (mayBeThere) return;
        if (earlier !== null && overlaps(earlier, batch)) {
          return await this.#sendWhatIsMissing(batch, earlier, signal);
        }
      }
      throw written.error;
    } catch (error) {
      if (error instanceof InvalidInputError) await this.#forget(sending, id);
      throw error;
    }
  }

  /**
   * Of a window that went out before the restart with other content, as when the source answered
   * otherwise: in ever smaller parts, until only what was there before is refused.
   */
  async #sendWhatIsMissing(
    batch: RemoteWriteBatch,
    earlier: SendingNote,
    signal: AbortSignal,
  ): Promise<void> {
    const parts = await batch.cutAt(earlier.endMs + 1) ?? await batch.split();
    if (parts === null) return;
    for (const part of parts) {
      const written = await this.receiver.write(part, signal);
      if (written.kind === "taken") continue;
      if (written.kind !== "out_of_order" || !overlaps(earlier, part)) throw written.error;
      await this.#sendWhatIsMissing(part, earlier, signal);
    }
  }

  /** On the disk before the first request of a window goes out. */
  async #note(batch: RemoteWriteBatch): Promise<Sending> {
    const { query, window: { startMs, endMs }, origin: { windowIds } } = batch;
    const current = this.#sending.get(query);
    if (current?.windowIds === windowIds) return current;
    const earlier = current ? current.earlier : await this.files.load(query);
    const stillOpen = earlier !== null && earlier.endMs >= startMs ? earlier : null;
    const requests = [...new Set([...windowIds.map(noteId), ...stillOpen?.requests ?? []])];
    const note: SendingNote = {
      schema: "neuralops.io/sending/v1",
      query,
      startMs: Math.min(startMs, stillOpen?.startMs ?? startMs),
      endMs: Math.max(endMs, stillOpen?.endMs ?? endMs),
      requests,
    };
    await this.files.save(note);
    const sending = { note, earlier: stillOpen, tried: new Set<string>(), windowIds };
    this.#sending.set(query, sending);
    return sending;
  }

  /** The receiver has said that it does not have this one: a crash from here on must not forget that. */
  async #forget(sending: Sending, id: string): Promise<void> {
    sending.tried.delete(id);
    if (!sending.note.requests.includes(id)) return;
    sending.note = without(sending.note, id);
    sending.earlier &&= without(sending.earlier, id);
    await this.files.save(sending.note);
  }
}

function without(note: SendingNote, id: string): SendingNote {
  return { ...note, requests: note.requests.filter((one) => one !== id) };
}

function overlaps(note: SendingNote, { window }: RemoteWriteBatch): boolean {
  return window.startMs <= note.endMs && window.endMs >= note.startMs;
}

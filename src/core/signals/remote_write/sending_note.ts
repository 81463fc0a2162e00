/**
 * What may have gone out of the window that is being sent, on the disk before the first request of it is
 * sent. After a crash the window is sent again; a receiver that takes no sample twice refuses it then, and
 * the note tells this refusal from one of samples that it never had.
 */
import * as z from "zod";
import { StalledError } from "../../../errors.ts";
import { encodeUtf8 } from "../../encoding.ts";

const ID_LENGTH = 32;

const SendingNote = z.strictObject({
  schema: z.literal("neuralops.io/sending/v1"),
  query: z.string(),
  startMs: z.int(),
  endMs: z.int().describe("inclusive"),
  requests: z.array(z.string().regex(/^[0-9a-f]{32}$/)).describe(
    "of each request that the receiver may have: the first half of the SHA-256 of its body",
  ),
  refused: z.boolean().describe(
    "whether the receiver has said of samples of this window that it has newer ones, and not these",
  ),
});

export type SendingNote = Readonly<z.infer<typeof SendingNote>>;

export const MAX_NOTE_BYTES = 4 * 1024 * 1024;

export function noteId(batchId: string): string {
  return batchId.slice(0, ID_LENGTH);
}

export function encodeNote(note: SendingNote): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify(note) + "\n");
}

/** Throws StalledError `state_damaged`. */
export function parseNote(text: string, query: string, path: string): SendingNote {
  try {
    const note = SendingNote.parse(JSON.parse(text));
    if (note.query === query) return note;
  } catch {
    // Said below.
  }
  throw new StalledError(
    "state_damaged",
    `Cannot read what was being sent of ${query} in ${path}`,
    {
      hint:
        "restore the file from a backup; or delete it: should the receiver refuse samples that it " +
        "already has, they are then recorded as a gap",
    },
  );
}

/** Checkpoints held elsewhere, compared with a log while it is followed: what finds a cut tail. */
import { RefusedError } from "../../errors.ts";
import { checkpointOrigin, readCheckpoint } from "./checkpoint.ts";
import { verifyCheckpoint } from "./checkpoint_proof.ts";
import { treeRoot } from "./merkle.ts";
import { AuditDamageError, type LogState } from "./verify.ts";

export interface Anchor {
  /** Where the note came from, for messages. */
  readonly label: string;
  readonly note: string;
}

export class Anchors {
  readonly #open = new Map<number, Anchor[]>();
  #matched = 0;

  /** Throws InvalidInputError `malformed_request` for a note that is no checkpoint. */
  add(anchor: Anchor): void {
    const { size } = readCheckpoint(anchor.note);
    this.#open.set(size, [...this.#open.get(size) ?? [], anchor]);
  }

  /** How many checkpoints were found to be true. */
  get matched(): number {
    return this.#matched;
  }

  /** The smallest size above this one that a checkpoint is of; Infinity for none. */
  next(after: number): number {
    let least = Infinity;
    for (const size of this.#open.keys()) if (size > after && size < least) least = size;
    return least;
  }

  /** After each record, and once before the first. Throws when a checkpoint of that size is false. */
  compare(state: LogState): void {
    const { sequence, tree } = state.head;
    for (const { label, note } of this.#open.get(sequence) ?? []) {
      const { origin, rootHash } = verifyCheckpoint(note, null, state.publicKey!);
      const expected = checkpointOrigin(state.publicKey!);
      if (origin !== expected) {
        throw new RefusedError("bad_signature", `${label} is of ${origin}, expected ${expected}`);
      }
      const root = treeRoot(tree);
      if (root.toHex() !== rootHash.toHex()) {
        throw new Error(
          `expected the root ${rootHash.toHex()} after ${sequence} records, as ${label} says; ` +
            `found ${root.toHex()}`,
        );
      }
      this.#matched += 1;
    }
    this.#open.delete(sequence);
  }

  /** At the end of the log. Throws for checkpoints that it never reached. */
  finish(file: string, end: LogState): void {
    for (const [size, [anchor]] of this.#open) {
      verifyCheckpoint(anchor!.note, null, end.publicKey!);
      const sequence = end.head.sequence;
      if (size > sequence) {
        throw new AuditDamageError(
          { file, line: null, sequence: sequence + 1 },
          `expected ${size} records, as ${anchor!.label} says; the log ends after ${sequence}`,
        );
      }
      throw new RefusedError(
        "not_found",
        `${anchor!.label} covers ${size} records, but what is kept here begins behind them`,
        { hint: "verify the archive, where the older days are" },
      );
    }
  }
}

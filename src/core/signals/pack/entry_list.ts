/** A JSON list of `{"labels":…,"…":[…]}`, to be had in the order of the labels' bytes. */
import { encodeUtf8 } from "../../encoding.ts";
import { ByteWriter } from "./byte_writer.ts";

const HEAD = encodeUtf8('{"labels":');
const TAIL = encodeUtf8("]},");

export class EntryList {
  readonly out = new ByteWriter();
  /** For each entry, where it begins; its labels follow HEAD. */
  #starts: number[] = [];
  #labelEnds: number[] = [];
  #isSorted = true;

  get isEmpty(): boolean {
    return this.#starts.length === 0;
  }

  get size(): number {
    return this.#starts.length;
  }

  /** Behind it, the caller writes a member with a list, each element with a comma behind it. */
  begin(labels: ByteWriter): void {
    const start = this.out.length;
    this.out.append(HEAD);
    this.out.copy(labels.bytes, 0, labels.length);
    this.#starts.push(start);
    this.#labelEnds.push(this.out.length);
    const at = this.#starts.length - 1;
    if (at > 0 && this.#isSorted) this.#isSorted = this.#compare(at - 1, at) <= 0;
  }

  /** Closes the list that the caller wrote, and the entry. */
  end(): void {
    this.out.length -= 1;
    this.out.append(TAIL);
  }

  clear(): void {
    this.out.length = 0;
    this.#starts = [];
    this.#labelEnds = [];
    this.#isSorted = true;
  }

  /** The entries, with commas between them. */
  writeTo(target: ByteWriter): void {
    if (this.isEmpty) return;
    const { bytes, length } = this.out;
    if (this.#isSorted) {
      target.copy(bytes, 0, length);
    } else {
      const order = this.#starts.map((_, index) => index).sort((a, b) => this.#compare(a, b));
      for (const index of order) {
        target.copy(bytes, this.#starts[index]!, this.#starts[index + 1] ?? length);
      }
    }
    target.length -= 1;
  }

  #compare(a: number, b: number): number {
    const { bytes } = this.out;
    let i = this.#starts[a]! + HEAD.length;
    let j = this.#starts[b]! + HEAD.length;
    const endA = this.#labelEnds[a]!;
    const endB = this.#labelEnds[b]!;
    while (i < endA && j < endB) {
      const difference = bytes[i++]! - bytes[j++]!;
      if (difference !== 0) return difference;
    }
    return (endA - i) - (endB - j);
  }
}

/** Every small way to tamper with a log: its files by name, as text would not show what they hold. */
import { concatBytes } from "../../src/core/audit/lines.ts";

export type LogFiles = ReadonlyMap<string, Uint8Array>;

export interface Variant {
  readonly what: string;
  readonly files: LogFiles;
}

/** Each byte of each file with one bit changed. */
export function* flippedBytes(log: LogFiles): Generator<Variant> {
  for (const [name, bytes] of log) {
    for (let offset = 0; offset < bytes.length; offset++) {
      const changed = bytes.slice();
      changed[offset]! ^= 1 << (offset % 8);
      yield { what: `flip ${name} ${offset}`, files: withFile(log, name, changed) };
    }
  }
}

/** Each record gone, twice there, or in the place of another, in whichever file that is. */
export function* movedRecords(log: LogFiles): Generator<Variant> {
  const places = [...log].flatMap(([name, bytes]) =>
    linesOf(bytes).map((_, index) => ({ name, index }))
  );
  const edit = (name: string, change: (lines: Uint8Array[]) => Uint8Array[]) =>
    withFile(log, name, concatBytes(change(linesOf(log.get(name)!))));
  for (const [at, { name, index }] of places.entries()) {
    const what = `${name} line ${index + 1}`;
    yield { what: `without ${what}`, files: edit(name, (lines) => lines.toSpliced(index, 1)) };
    yield {
      what: `twice ${what}`,
      files: edit(name, (lines) => lines.toSpliced(index, 0, lines[index]!)),
    };
    for (const other of places.slice(at + 1)) {
      const [one, two] = [
        linesOf(log.get(name)!)[index]!,
        linesOf(log.get(other.name)!)[other.index]!,
      ];
      const swapped = new Map(log);
      const put = (file: string, line: number, bytes: Uint8Array) =>
        swapped.set(file, concatBytes(linesOf(swapped.get(file)!).with(line, bytes)));
      put(name, index, two);
      put(other.name, other.index, one);
      yield { what: `${what} for ${other.name} ${other.index + 1}`, files: swapped };
    }
  }
}

/** The newest file cut at each byte, and any tail of whole files gone. */
export function* cutTails(log: LogFiles): Generator<Variant> {
  const names = [...log.keys()];
  const last = names.at(-1)!;
  const bytes = log.get(last)!;
  for (let length = 0; length < bytes.length; length++) {
    yield { what: `cut to ${length}`, files: withFile(log, last, bytes.subarray(0, length)) };
  }
  for (let count = 0; count < names.length; count++) {
    const files = new Map([...log].slice(0, count));
    yield { what: `the first ${count} files`, files };
  }
}

/** Each file gone, empty, under the name of another day or sequence, or another's. */
export function* movedFiles(log: LogFiles): Generator<Variant> {
  const names = [...log.keys()];
  for (const [at, name] of names.entries()) {
    const without = new Map([...log].filter(([other]) => other !== name));
    yield { what: `without ${name}`, files: without };
    yield { what: `empty ${name}`, files: withFile(log, name, new Uint8Array()) };
    for (const day of ["20261121", "20261123", "20261130"]) {
      const renamed = name.replace(/-\d{8}/, `-${day}`);
      if (renamed === name) continue;
      yield {
        what: `${name} as ${renamed}`,
        files: sorted(new Map([...without, [renamed, log.get(name)!]])),
      };
    }
    const later = name.replace(/^\d{20}/, (digits) => String(Number(digits) + 1).padStart(20, "0"));
    yield {
      what: `${name} as ${later}`,
      files: sorted(new Map([...without, [later, log.get(name)!]])),
    };
    for (const other of names.slice(at + 1)) {
      const files = new Map(log).set(name, log.get(other)!).set(other, log.get(name)!);
      yield { what: `${name} for ${other}`, files };
    }
  }
  const extra = "00000000000000000099-20261225.jsonl";
  yield { what: "an empty file more", files: new Map(log).set(extra, new Uint8Array()) };
  yield {
    what: "the last file again under a later name",
    files: new Map(log).set(extra, log.get(names.at(-1)!)!),
  };
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0, end; (end = bytes.indexOf(10, start)) >= 0; start = end + 1) {
    lines.push(bytes.subarray(start, end + 1));
  }
  return lines;
}

function withFile(log: LogFiles, name: string, bytes: Uint8Array): LogFiles {
  return new Map(log).set(name, bytes);
}

function sorted(log: Map<string, Uint8Array>): LogFiles {
  return new Map([...log].sort(([a], [b]) => a < b ? -1 : 1));
}

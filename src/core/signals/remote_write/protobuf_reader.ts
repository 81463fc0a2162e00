/** Reads what `ProtobufWriter` wrote. Throws RangeError on anything that is cut short. */

export interface Field {
  readonly number: number;
  /** Of a field of variable length; -1 for every other. */
  readonly from: number;
  readonly to: number;
  /** Of a varint field; 0 for every other. */
  readonly value: number;
}

/** The fields of one message, in the order in which they were written. */
export function* readFields(bytes: Uint8Array, from = 0, to = bytes.length): Generator<Field> {
  let at = from;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1;; scale *= 0x80) {
      if (at >= to) throw new RangeError("A protobuf message is cut short");
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const skip = (length: number): void => {
    at += length;
    if (at > to) throw new RangeError("A protobuf message is cut short");
  };
  while (at < to) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, from: -1, to: -1, value: varint() };
        break;
      case 1:
        skip(8);
        yield { number, from: -1, to: -1, value: 0 };
        break;
      case 2: {
        const length = varint();
        const begin = at;
        skip(length);
        yield { number, from: begin, to: at, value: 0 };
        break;
      }
      default:
        throw new RangeError(`A protobuf message with wire type ${tag % 8}`);
    }
  }
}

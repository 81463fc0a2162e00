/** When each of many nodes asks: the same moment of its window each time, and seldom that of another node. */
import { encodeUtf8, sha256 } from "../encoding.ts";

/** 48 bits: what a number holds exactly, with room for the product below. */
const BYTES = 6;

/**
 * How much later than the settle delay a node asks for its windows, in [0, `spanMs`): by a hash of its
 * name, so that it needs no word between nodes and is the same after a restart.
 */
export function nodeOffsetMs(node: string, spanMs: number): number {
  const digest = sha256(encodeUtf8(`neuralops.io/spread/${node}`));
  let fraction = 0;
  for (const byte of digest.subarray(0, BYTES)) fraction = fraction * 256 + byte;
  return Math.floor(fraction / 256 ** BYTES * spanMs);
}

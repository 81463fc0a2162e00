/**
 * The labels of one series, as names and values and as RFC 8785 text. Prometheus writes them in just
 * that form; the text is then a piece of the answer, and nothing is written anew.
 */
import { encodeUtf8 } from "../../encoding.ts";
import type { Labels, LabelsText } from "../series_handler.ts";
import type { JsonInput, TextPair } from "./json_input.ts";
import { odd } from "./malformed.ts";
import { endOfPlainLabels } from "./plain_labels.ts";

export interface ReadLabels {
  readonly labels: Labels;
  /** Valid until the input goes on. */
  readonly text: LabelsText;
}

const NOT_DECODED: Labels = [];

/**
 * Throws MORE, or InvalidInputError `malformed_answer`.
 * @param textOnly to have no labels where the text is a piece of the answer
 */
export function readLabels(input: JsonInput, textOnly: boolean): ReadLabels {
  input.take("{");
  const from = input.pos - 1;
  const to = textOnly ? endOfPlainLabels(input.bytes, from, input.end) : -1;
  if (to >= 0) {
    input.pos = to;
    return { labels: NOT_DECODED, text: { bytes: input.bytes, from, to } };
  }
  const labels: TextPair[] = [];
  let isCanonical = true;
  /** What the object takes when there is nothing in it but its labels. */
  let length = 1;
  while (input.peek() !== 0x7d) {
    if (labels.length > 0) input.take(",");
    const start = input.pos;
    let label = input.plainPair();
    if (label === null) {
      label = [input.key(), input.text()];
      isCanonical = false;
    }
    isCanonical &&= labels.length === 0 || label[0] > labels[labels.length - 1]![0];
    length += input.pos - start + 1;
    labels.push(label);
  }
  input.take("}");
  if (labels.length === 0) length = 2;
  if (isCanonical && input.pos - from === length) {
    return { labels, text: { bytes: input.bytes, from, to: input.pos } };
  }
  labels.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  for (const [index, [name, value]] of labels.entries()) {
    if (name === labels[index - 1]?.[0]) throw odd("metric", "each label once");
    if (!name.isWellFormed() || !value.isWellFormed()) throw odd("metric", "labels with texts");
  }
  return { labels, text: encodeLabels(labels) };
}

/** RFC 8785 text, written by hand: an object would reorder labels whose names are integers. */
export function encodeLabels(labels: Labels): LabelsText {
  const pairs = labels.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const bytes = encodeUtf8(`{${pairs.join(",")}}`);
  return { bytes, from: 0, to: bytes.length };
}

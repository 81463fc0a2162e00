/** Valid answers to a range query, in every form that the contract allows, as bytes. */
import fc from "fast-check";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import type { Window } from "../../../src/core/signals/windows.ts";

const STEPS = 7;
const START = 1_763_805_600_250;
const STEP = 250;

export const GRID: Window = {
  startMs: START,
  endMs: START + (STEPS - 1) * STEP,
  stepMs: STEP,
};

/** As Go prints them, and as others may. */
export const floatText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    "NaN",
    "+Inf",
    "-Inf",
    "Inf",
    "0",
    "-0",
    "1e-09",
    "1E+21",
    "0.1",
    "+1",
    "1.",
    ".5",
  ),
  fc.constantFrom(
    "007",
    "1.50",
    "0.000001",
    "0.0000001",
    "100000000000000000000",
    "-0.0",
    "5e-324",
  ),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.tuple(fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }), fc.nat(20)).map(
    ([digits, scale]) => {
      const [, sign, text] = /^(-?)(\d+)$/.exec(String(digits))!;
      const padded = text!.padStart(scale + 1, "0");
      const whole = padded.slice(0, padded.length - scale);
      return sign! + whole + (scale > 0 ? `.${padded.slice(-scale)}` : "");
    },
  ),
);

export const labelSet = fc.dictionary(
  fc.oneof(
    fc.constantFrom("__name__", "job", "pod", "a", "9", "10"),
    fc.string({ unit: "grapheme" }),
  ),
  fc.oneof(fc.constantFrom("", "x", 'quote " \\ \n', "ünïcödé"), fc.string({ unit: "grapheme" })),
  { maxKeys: 5 },
);

const indices = fc.subarray(Array.from({ length: STEPS }, (_, index) => index));
const seconds = (index: number) => `${(START + index * STEP) / 1000}`;

function points(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return indices.chain((chosen) =>
    fc.tuple(...chosen.map((index) => value.map((text) => `[${seconds(index)},${text}]`)))
  ).map((all) => `[${all.join(",")}]`);
}

const quotedFloat = floatText.map((text) => JSON.stringify(text));
const histogram = fc.record({
  count: floatText,
  sum: floatText,
  buckets: fc.array(fc.tuple(fc.nat(3), floatText, floatText, floatText), { maxLength: 3 }),
}, { requiredKeys: ["count", "sum"] }).map((value) => JSON.stringify(value));

/** As Go's encoders and others escape: all, some, or nothing beyond what they must. */
function encodeLabels(labels: Record<string, string>, style: number): string {
  const text = JSON.stringify(labels);
  if (style === 0) return text;
  if (style === 1) return text.replaceAll(/[<>&\u007f-\uffff]/g, escapeUnit);
  return text.replaceAll(
    /[a-z](?![^"]*\\)/g,
    (unit, at: number) =>
      text[at - 1] === "\\" || /\\u[0-9a-f]{0,3}$/.test(text.slice(0, at))
        ? unit
        : escapeUnit(unit),
  );
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const series = fc.tuple(
  labelSet,
  fc.constantFrom(0, 0, 0, 1, 2),
  fc.option(points(quotedFloat), { nil: undefined }),
  fc.option(points(histogram), { nil: undefined }),
).map(([labels, style, values, histograms]) => ({
  labels,
  text: `{"metric":${encodeLabels(labels, style)}` +
    `${values === undefined ? "" : `,"values":${values}`}` +
    `${histograms === undefined ? "" : `,"histograms":${histograms}`}}`,
}));

const identity = ({ labels }: { labels: Record<string, string> }) =>
  JSON.stringify(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1));

export const answers: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc.tuple(
  fc.uniqueArray(series, { selector: identity, maxLength: 5 }),
  fc.shuffledSubarray([
    '"warnings":["store 3 is gone"]',
    '"infos":["a counter?"]',
    '"isPartial":true',
    '"stats":{"seriesFetched":"1","t":[1,{"a":null}]}',
    // So long that all before it is far from the end: the fast loop reads it then.
    `"trace":"${"at the end ".repeat(12)}"`,
  ]),
  fc.boolean(),
  fc.boolean(),
).map(([all, extras, statusFirst, typeFirst]) => {
  const result = `"result":[${all.map(({ text }) => text).join(",")}]`;
  const type = '"resultType":"matrix"';
  const data = `"data":{${typeFirst ? `${type},${result}` : `${result},${type}`}}`;
  const status = '"status":"success"';
  const members = statusFirst ? [status, data, ...extras] : [...extras, data, status];
  return encodeUtf8(`{${members.join(",")}}`);
});

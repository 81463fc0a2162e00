/** Expressions whose value is written in them: `vector(…)`, and a label put on it with `label_replace`. */

export interface ConstantSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** As the API prints it. */
  readonly text: string;
}

/** Found only when the expression is evaluated: 422. */
export class EvaluationError extends Error {}

const VECTOR = String.raw`vector\(\s*([+-]?(?:Inf|NaN|\d+(?:\.\d+)?(?:e[+-]?\d+)?))\s*\)`;
const STRING = String.raw`("(?:[^"\\]|\\.)*")`;
const PLAIN = new RegExp(`^${VECTOR}$`, "i");
const LABELLED = new RegExp(
  `^label_replace\\(${[VECTOR, STRING, STRING, '""', STRING].join(String.raw`\s*,\s*`)}\\)$`,
  "i",
);

/** null when it is some other expression. */
export function parseConstant(expr: string): ConstantSeries | null {
  const plain = PLAIN.exec(expr);
  if (plain) return { labels: {}, text: formatFloat(plain[1]!) };
  const labelled = LABELLED.exec(expr);
  if (!labelled) return null;
  const [, number, name, value, pattern] = labelled;
  const regex = JSON.parse(pattern!);
  if (!isRegex(regex)) {
    throw new EvaluationError(`invalid regular expression in label_replace(): ${regex}`);
  }
  return {
    labels: { [JSON.parse(name!)]: JSON.parse(value!) },
    text: formatFloat(number!),
  };
}

/** As Go prints it: `1e-09`. */
function formatFloat(written: string): string {
  if (/nan/i.test(written)) return "NaN";
  if (/inf/i.test(written)) return written.startsWith("-") ? "-Inf" : "+Inf";
  const value = Number(written);
  if (Object.is(value, -0)) return "-0";
  return String(value).replace(/e([+-])(\d)$/, "e$10$2");
}

function isRegex(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

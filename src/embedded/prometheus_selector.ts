/** Series selectors as far as the embedded Prometheus knows them: a name, and matchers in braces. */

type Labels = Readonly<Record<string, string>>;

const SELECTOR = /^\s*([a-zA-Z_:][\w:]*)?\s*(?:\{(.*)\})?\s*$/s;
const MATCHER = /\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|`[^`]*`)\s*(?:,|$)/gy;

/** Whether a series is selected; null when the text is no selector that is known here. */
export function parseSelector(text: string): ((labels: Labels) => boolean) | null {
  const [whole, name, body = ""] = SELECTOR.exec(text) ?? [];
  if (whole === undefined || (name === undefined && body.trim() === "")) return null;
  const tests: ((labels: Labels) => boolean)[] = [];
  if (name !== undefined) tests.push((labels) => labels["__name__"] === name);
  let end = 0;
  for (const match of body.matchAll(MATCHER)) {
    end = match.index + match[0].length;
    const test = matcher(match[1]!, match[2]!, unquote(match[3]!));
    if (test === null) return null;
    tests.push(test);
  }
  if (body.slice(end).trim() !== "") return null;
  return (labels) => tests.every((test) => test(labels));
}

/** An absent label is an empty one. null for a regular expression that is none. */
function matcher(label: string, operator: string, value: string) {
  const isWanted = operator.startsWith("=");
  if (!operator.endsWith("~")) {
    return (labels: Labels) => ((labels[label] ?? "") === value) === isWanted;
  }
  let pattern: RegExp;
  try {
    pattern = new RegExp(`^(?:${value})$`, "s");
  } catch {
    return null;
  }
  return (labels: Labels) => pattern.test(labels[label] ?? "") === isWanted;
}

function unquote(text: string): string {
  return text.startsWith("`") ? text.slice(1, -1) : JSON.parse(text);
}

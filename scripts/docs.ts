/** Whether what a document names is there: links, paths, tasks, commands, codes, keys, tests. Pure. */
import { posix } from "node:path";

/** What the repository has. */
export interface Facts {
  /** Every file. */
  readonly paths: ReadonlySet<string>;
  readonly tasks: ReadonlySet<string>;
  /** First words of the command line. */
  readonly commands: ReadonlySet<string>;
  /** Words_with_underscores of the source: codes, states, metrics. */
  readonly words: ReadonlySet<string>;
  readonly auditTypes: ReadonlySet<string>;
  readonly configKeys: ReadonlySet<string>;
  readonly headings: ReadonlyMap<string, ReadonlySet<string>>;
  /** Test files' sources. */
  readonly tests: ReadonlyMap<string, string>;
}

export interface DocProblem {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;
const CODE = /`([^`\n]+)`/g;
const TASK = /\bdeno(?:@[\d.]+)? task ([\w:-]+)/g;
const COMMAND = /\bneuralops-connector ([a-z][\w-]*)\b/g;
const REPOSITORY_PATH =
  /^(?:(?:src|tests|scripts|docs|helm|\.ci)\/[\w./-]*|main\.ts|deno\.json|README\.md)$/;
const SNAKE_WORD = /^[a-z]+(?:_[a-z0-9]+)+$/;
const DOTTED = /^[a-z][A-Za-z0-9]*(?:\.[A-Za-z0-9_[\]]+)+(?<!\.(?:json|jsonl|yaml|pem|sock))$/;
const PROOF = /`(tests\/[\w/]+_test\.ts)`: ((?:"[^"]+"(?:; )?)+)/g;

export function checkDoc(path: string, text: string, facts: Facts): DocProblem[] {
  const prose = blankFences(text);
  const problems: DocProblem[] = [];
  const check = (
    source: string,
    pattern: RegExp,
    faultOf: (value: string, all: RegExpExecArray) => string | null,
  ) => {
    for (const match of source.matchAll(pattern)) {
      const message = faultOf(match[1]!, match);
      if (message === null) continue;
      problems.push({ path, line: source.slice(0, match.index).split("\n").length, message });
    }
  };
  check(prose, LINK, (target) => faultOfLink(path, target, facts));
  check(prose, CODE, (token) => faultOfToken(token, facts));
  check(prose, PROOF, (file, match) => faultOfProof(file, match[2]!, facts));
  check(text, TASK, (task) => facts.tasks.has(task) ? null : `there is no task ${task}`);
  check(
    text,
    COMMAND,
    (name) => facts.commands.has(name) ? null : `there is no command ${name}`,
  );
  return problems;
}

function faultOfLink(from: string, target: string, { paths, headings }: Facts): string | null {
  if (/^[a-z]+:/.test(target)) return null;
  const [file = "", anchor] = target.split("#");
  const path = file === "" ? from : posix.join(posix.dirname(from), file);
  if (!isThere(path, paths)) return `the link leads to ${path}, which is not there`;
  if (anchor === undefined || headings.get(path)?.has(anchor)) return null;
  return `${path} has no heading #${anchor}`;
}

function faultOfToken(token: string, facts: Facts): string | null {
  if (REPOSITORY_PATH.test(token)) {
    return isThere(token, facts.paths) ? null : `there is no file ${token}`;
  }
  if (SNAKE_WORD.test(token)) {
    return facts.words.has(token) ? null : `the source does not know ${token}`;
  }
  const section = token.split(/[.[]/)[0]!;
  const isKey = [...facts.configKeys].some((key) => key.startsWith(`${section}.`));
  if (!DOTTED.test(token) || !isKey) return null;
  if (facts.configKeys.has(token) || facts.auditTypes.has(token)) return null;
  return `${token} is no configuration key and no audit type`;
}

function faultOfProof(file: string, names: string, { tests, paths }: Facts): string | null {
  const source = tests.get(file) ?? "";
  // A part that the file puts into a name stands in the file too, or is the name of a test's data.
  const isKnown = (part: string) =>
    source.includes(part) ||
    [...paths].some((path) =>
      path.startsWith("tests/") && path.includes(part.replaceAll(" ", "_"))
    );
  const missing = [...names.matchAll(/"([^"]+)"/g)].map((match) => match[1]!).filter((name) =>
    !testNamesOf(source).some((pattern) => pattern.exec(name)?.slice(1).every(isKnown))
  );
  return missing.length === 0 ? null : `${file} has no test "${missing.join('", "')}"`;
}

function isThere(path: string, paths: ReadonlySet<string>): boolean {
  const folder = path.endsWith("/") ? path : `${path}/`;
  return paths.has(path) || [...paths].some((one) => one.startsWith(folder));
}

/** Anchors of a document's headings, as GitHub makes them. */
export function headingsOf(text: string): Set<string> {
  return new Set(
    [...blankFences(text).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title!.toLowerCase().replaceAll(/[^\w\- ]/g, "").trim().replaceAll(" ", "-")
    ),
  );
}

/** Names of a file's tests; what a name is made of at run time is a group. */
export function testNamesOf(source: string): RegExp[] {
  const tests =
    /(?:Deno\.test|\b[a-z]+Test)\(\s*(?:\{\s*name:\s*)?(?:"((?:[^"\\\n]|\\.)*)"|`([^`]*)`)/g;
  return [...source.matchAll(tests)].map(([, plain, template]) => {
    const parts = plain === undefined
      ? template!.split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/)
      : [plain.replaceAll('\\"', '"')];
    return new RegExp(`^${parts.map((part) => RegExp.escape(part)).join("(.+)")}$`);
  });
}

/** Examples are not prose; lines keep their numbers. */
function blankFences(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, (block) => block.replaceAll(/[^\n]/g, ""));
}

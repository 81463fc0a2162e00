/**
 * What must be known of a PromQL text without understanding it: where its strings are. The source's own
 * parser judges the rest.
 */
import { StalledError } from "../../../errors.ts";

/** A string, or anything that is none: a comment, or code without quotes. */
const PIECE = /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|#[^\n]*|[^"'`#]+|["'`]/gs;
const BODY = /(?:[^"'`{}#]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)*/s.source;
const SELECTOR = new RegExp(`^\\s*(?:[a-zA-Z_:][\\w:]*\\s*(?:\\{${BODY}\\})?|\\{${BODY}\\})\\s*$`);
const MATCHES_ALL = /^\s*\{[\s,]*\}\s*$/;
const PLACEHOLDER = /\$node\b/g;
/** RFC 1123, as names of nodes and of hosts are. */
const NODE_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i;
const REGEX_SYNTAX = /[\\^$.*+?()[\]{}|]/g;

/** Whether the text is one series selector, such as `up{job="api"}`, with something to select by. */
export function isSelector(text: string): boolean {
  return SELECTOR.test(text) && !MATCHES_ALL.test(text);
}

/** Where `$node` stands in a text: within its strings, elsewhere (comments do not count), or nowhere. */
export function findNode(text: string): "strings" | "elsewhere" | "nowhere" {
  let found: "strings" | "nowhere" = "nowhere";
  for (const [piece, string] of text.matchAll(PIECE)) {
    if (piece.startsWith("#") || piece.search(PLACEHOLDER) < 0) continue;
    if (string === undefined) return "elsewhere";
    found = "strings";
  }
  return found;
}

/**
 * The text with the node's name for every `$node` in its strings. After `=~` and `!~` the name is
 * escaped for a regular expression, so that its dots match nothing but dots.
 * Throws StalledError `config_invalid` for what cannot be a node's name.
 */
export function fillNode(text: string, node: string): string {
  if (!NODE_NAME.test(node)) {
    throw new StalledError("config_invalid", `"${node.slice(0, 300)}" is no node's name`, {
      hint: "a node's name consists of letters, digits, dots and hyphens",
    });
  }
  let code = "";
  return text.replaceAll(PIECE, (piece: string, string: string | undefined) => {
    if (string === undefined) {
      if (!piece.startsWith("#")) code += piece;
      return piece;
    }
    const isRegex = /[=!]~\s*$/.test(code);
    code = "";
    const name = isRegex ? node.replaceAll(REGEX_SYNTAX, "\\$&") : node;
    // Within quotes a backslash is written twice; within backticks nothing is escaped.
    const written = string.startsWith("`") ? name : name.replaceAll("\\", "\\\\");
    return string.replaceAll(PLACEHOLDER, () => written);
  });
}

/** Label and field selectors, as lists and watches take them. */
import { badRequest } from "./api_error.ts";
import { isObject, type Json, type KubeObject } from "./json.ts";

export type Selection = (object: KubeObject) => boolean;

/** Equality terms, `key in (a,b)`, `key notin (a,b)`, `key` and `!key`; fields by equality only. */
export function parseSelection(query: URLSearchParams): Selection {
  const terms = [
    ...splitTerms(query.get("labelSelector") ?? "").map(parseLabelTerm),
    ...splitTerms(query.get("fieldSelector") ?? "").map(parseFieldTerm),
  ];
  return (object) => terms.every((term) => term(object));
}

/** At commas outside of parentheses. */
function splitTerms(selector: string): string[] {
  return selector.split(/,(?![^(]*\))/).map((term) => term.trim()).filter(Boolean);
}

function parseLabelTerm(term: string): Selection {
  const labelOf = (object: KubeObject, key: string) => object.metadata.labels?.[key];
  const equality = /^([\w./-]+)\s*(!=|==?)\s*([\w.-]*)$/.exec(term);
  if (equality) {
    const [, key, operator, value] = equality;
    return (object) => (labelOf(object, key!) === value) === (operator !== "!=");
  }
  const membership = /^([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term);
  if (membership) {
    const [, key, operator, list] = membership;
    const values = list!.split(",").map((value) => value.trim());
    return (object) => values.includes(labelOf(object, key!) ?? "\0") === (operator === "in");
  }
  const existence = /^(!?)\s*([\w./-]+)$/.exec(term);
  if (existence) {
    const [, absent, key] = existence;
    return (object) => (labelOf(object, key!) === undefined) === (absent === "!");
  }
  throw badRequest(`unable to parse requirement: ${JSON.stringify(term)}`);
}

function parseFieldTerm(term: string): Selection {
  const parts = /^([\w.[\]]+)(!=|==?)(.*)$/.exec(term);
  if (!parts) throw badRequest(`invalid field selector: ${JSON.stringify(term)}`);
  const [, path, operator, value] = parts;
  const field = path!.split(".");
  return (object) => {
    let current: Json | undefined = object;
    for (const step of field) current = isObject(current) ? current[step] : undefined;
    return (String(current ?? "") === value) === (operator !== "!=");
  };
}

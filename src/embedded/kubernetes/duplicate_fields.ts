/** Fields that stand twice in one object of a JSON text, which `JSON.parse` passes over. Pure. */

/** Paths as the strict decoder writes them, each once. The text MUST be valid JSON. */
export function duplicateFields(text: string): string[] {
  const found = new Set<string>();
  const tokens = text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g);
  const next = () => tokens.next().value?.[0] ?? "";
  readValue(next(), "", next, found);
  return [...found];
}

function readValue(
  token: string,
  path: string,
  next: () => string,
  found: Set<string>,
): void {
  if (token === "{") {
    const seen = new Set<string>();
    for (let key = next(); key !== "}" && key !== ""; key = next()) {
      if (key === ",") continue;
      const name: string = JSON.parse(key);
      const here = path ? `${path}.${name}` : name;
      if (seen.has(name)) found.add(here);
      seen.add(name);
      next(); // the colon
      readValue(next(), here, next, found);
    }
  } else if (token === "[") {
    let index = 0;
    for (let item = next(); item !== "]" && item !== ""; item = next()) {
      if (item === ",") continue;
      readValue(item, `${path}[${index}]`, next, found);
      index += 1;
    }
  }
}

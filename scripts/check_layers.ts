/** Prints every place where the program does not keep to `LAYERS`; exit code 1 when there is one. */
// deno-lint-ignore-file no-console
import { readTexts } from "./read_texts.ts";
import { checkLayers } from "./layers.ts";

const sources = await readTexts(["main.ts", "src"], (path) => path.endsWith(".ts"));
const violations = checkLayers(sources);
for (const { path, line, message } of violations) console.log(`${path}:${line}: ${message}`);
console.log(`${sources.size} files, ${violations.length} violations`);
if (violations.length > 0) Deno.exitCode = 1;

/** Prints what the documents say and the repository does not have; exit code 1 when there is any. */
// deno-lint-ignore-file no-console
import { checkDoc } from "./docs.ts";
import { gatherFacts } from "./docs_facts.ts";
import { findStaleDocs } from "./generated_docs.ts";
import { readTexts } from "./read_texts.ts";

const docs = await readTexts(["README.md", "docs"], (path) => path.endsWith(".md"));
const facts = await gatherFacts(docs);
const problems = [
  ...[...docs].flatMap(([path, text]) => checkDoc(path, text, facts)),
  ...(await findStaleDocs(Deno.readTextFile)).map((path) => ({
    path,
    line: 1,
    message: "is not what the code says: run deno task docs",
  })),
];
for (const { path, line, message } of problems) console.log(`${path}:${line}: ${message}`);
console.log(`${docs.size} documents, ${problems.length} problems`);
if (problems.length > 0) Deno.exitCode = 1;

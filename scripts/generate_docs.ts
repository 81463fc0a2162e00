/** Writes the generated documents; with --check it only compares, and exits with 1 on a difference. */
// deno-lint-ignore-file no-console
import { findStaleDocs, generateDocs } from "./generated_docs.ts";

if (Deno.args.includes("--check")) {
  const stale = await findStaleDocs(Deno.readTextFile);
  for (const path of stale) console.log(`${path} is not what the code says: run deno task docs`);
  if (stale.length > 0) Deno.exitCode = 1;
} else {
  for (const [path, text] of await generateDocs(Deno.readTextFile)) {
    await Deno.writeTextFile(path, text);
    console.log(path);
  }
}

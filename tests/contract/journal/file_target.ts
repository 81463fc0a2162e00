/** The journal as files, in a folder of the test's own. */
import { FileJournal } from "../../../src/adapters/journal_file.ts";
import { generateKeyPem, keyFromPem } from "../../../src/core/connector_key.ts";
import { systemFiles } from "../../../src/runtime_deno/files.ts";
import type { JournalTarget } from "./target.ts";

export interface FileTarget extends JournalTarget {
  readonly directory: string;
}

export async function openFileTarget(): Promise<FileTarget> {
  const root = `./reports/test/${crypto.randomUUID()}`;
  const directory = `${root}/executions`;
  const key = await keyFromPem(await generateKeyPem());
  const reopen = async () => {
    const journal = new FileJournal(systemFiles, directory, key);
    return { journal, ...await journal.open() };
  };
  const { journal } = await reopen();
  return {
    directory,
    key,
    journal,
    reopen,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

/** The journal in a namespace of a cluster, embedded or real, that has its definition. */
import type { JournalApi } from "../../../src/adapters/kubernetes/journal/store.ts";
import { journalOn } from "../../fakes/kubernetes_journal.ts";
import type { JournalTarget } from "./target.ts";

/** @param close leaves nothing behind */
export async function openClusterTarget(
  api: JournalApi,
  namespace: string,
  close: () => Promise<void>,
): Promise<JournalTarget> {
  const reopen = async () => {
    const { journal, key } = journalOn(api, { namespace });
    return { journal, key, ...await journal.open() };
  };
  const { journal, key } = await reopen();
  return { journal, key, reopen, [Symbol.asyncDispose]: close };
}

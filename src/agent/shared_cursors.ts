/** Where the cursors of metrics are kept: on this disk, and with a journal in the cluster there as well. */
import { CursorFiles } from "../adapters/cursor_file.ts";
import { SharedCursors } from "../adapters/kubernetes/journal/shared_cursors.ts";
import { JournalStore } from "../adapters/kubernetes/journal/store.ts";
import { withinTerm } from "../execution/fenced_cluster.ts";
import type { Leadership } from "../execution/leadership.ts";
import type { CursorStore } from "../loops/signals_ports.ts";
import type { Foundation } from "./foundation.ts";
import type { KubernetesSide } from "./kubernetes.ts";
import type { Loop } from "./run_together.ts";

const SECRET_NAME = "neuralops-signal-cursors";

export interface CursorKeeping {
  readonly cursors: CursorStore;
  /** Runs in each term of leading; null where nobody takes over. */
  readonly share: Loop | null;
}

export function chooseCursors(
  { config, runtime, health, log }: Foundation,
  kubernetes: KubernetesSide | null,
  leadership: Leadership,
): CursorKeeping {
  const { files, clock } = runtime;
  const local = new CursorFiles(files, config.stateDir);
  const journal = config.kubernetes.mode === "none" ? undefined : config.kubernetes.journal;
  if (!journal || !kubernetes) return { cursors: local, share: null };
  const queries = new Set(config.signals.queries.map(({ name }) => name));
  const cursors = new SharedCursors({
    store: new JournalStore(kubernetes.api, {
      namespace: journal.namespace,
      within: (write) => withinTerm(leadership, write),
    }),
    secretName: SECRET_NAME,
    local,
    isShared: (query) => queries.has(query),
    clock,
    health,
    log,
  });
  return { cursors, share: (signal) => cursors.run(signal) };
}

/** Where executions are kept: in the state directory, or in the cluster, shared by all of its agents. */
import { FileJournal } from "../adapters/journal_file.ts";
import { KubernetesAnnotations } from "../adapters/kubernetes/journal/annotations.ts";
import { KubernetesJournal } from "../adapters/kubernetes/journal/journal.ts";
import { SharedKey } from "../adapters/kubernetes/journal/shared_key.ts";
import { JournalStore } from "../adapters/kubernetes/journal/store.ts";
import { deriveSecret } from "../core/connector_key.ts";
import type { JournalKey } from "../core/journal_key.ts";
import type { DecisionAnnotations } from "../execution/decision_annotations.ts";
import { withinTerm } from "../execution/fenced_cluster.ts";
import type { Journal } from "../execution/journal.ts";
import type { Leadership } from "../execution/leadership.ts";
import { identityOf } from "./election.ts";
import type { Foundation } from "./foundation.ts";
import type { KubernetesSide } from "./kubernetes.ts";

export const MASK_PURPOSE = "plan-mask";

export interface Keeping {
  readonly journal: Journal;
  readonly key: JournalKey;
  /** Throws TransientError `unavailable` while the journal is closed. */
  maskSalt(): string;
  /** Whether other processes write it as well: then it is opened with each term of leading, not at the start. */
  readonly isShared: boolean;
  /** null where executions are no objects that people could annotate. */
  readonly annotations: DecisionAnnotations | null;
}

export async function chooseJournal(
  foundation: Foundation,
  kubernetes: KubernetesSide | null,
  leadership: Leadership,
): Promise<Keeping> {
  const { config, runtime: { files, random }, key } = foundation;
  const asked = config.kubernetes.mode === "none" ? undefined : config.kubernetes.journal;
  if (!asked || !kubernetes) {
    const maskSalt = await deriveSecret(key, MASK_PURPOSE);
    const journal = new FileJournal(files, `${config.stateDir}/executions`, key);
    return { journal, key, maskSalt: () => maskSalt, isShared: false, annotations: null };
  }
  const store = new JournalStore(kubernetes.api, {
    namespace: asked.namespace,
    within: (write) => withinTerm(leadership, write),
  });
  const shared = new SharedKey(store, asked.secretName, MASK_PURPOSE);
  const identity = identityOf(foundation);
  return {
    journal: new KubernetesJournal({ store, key: shared, identity, random }),
    key: shared,
    maskSalt: () => shared.maskSalt,
    isShared: true,
    annotations: new KubernetesAnnotations(store),
  };
}

/** An API server, embedded or real, that the whole pipeline is shown on. */
import type { Ground, Target } from "../kubernetes/target.ts";
import type { Site } from "./site.ts";

export interface ExecutionTarget extends Target {
  /** Sees to it that executions can be kept in the namespace. */
  prepareJournal(namespace: string): Promise<void>;
  /** From when it resolves, the namespace takes no more than `most` Secrets. */
  limitSecrets(ground: Ground, most: number): Promise<Rule>;
  /** From when it resolves, every ConfigMap of the namespace with a key `odd` is the webhook's to judge. */
  addWebhook(ground: Ground): Promise<Webhook>;
}

/** Holds until it is disposed of. */
export type Rule = AsyncDisposable;

export interface Webhook extends Rule {
  /** It refuses at first. Away, every request that it should judge fails. */
  answer(how: "refuse" | "away"): Promise<void>;
}

export type ExecutionCase = (site: Site) => Promise<void>;

/** Cases by their names, as those of the API itself. */
export type ExecutionContract = Readonly<Record<string, ExecutionCase>>;

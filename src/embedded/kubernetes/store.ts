/** Every object, in memory, under one revision counter, with a bounded history for watches. */
import type { KubeObject } from "./json.ts";

/** Resources of all versions of a group share their objects. */
export interface ResourceKey {
  readonly group: string;
  readonly plural: string;
}

export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly key: ResourceKey;
  readonly revision: number;
  readonly object: KubeObject;
  readonly previous: KubeObject | null;
}

const HISTORY_LENGTH = 1_000;

export class Store {
  #revision = 1;
  /** Changes up to this revision are forgotten. */
  #compacted = 0;
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #history: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();

  get revision(): number {
    return this.#revision;
  }

  get(key: ResourceKey, namespace: string, name: string): KubeObject | null {
    const object = this.#table(key).get(`${namespace}/${name}`);
    return object ? structuredClone(object) : null;
  }

  /** Sorted by namespace and name; "" means every namespace. */
  list(key: ResourceKey, namespace = ""): KubeObject[] {
    return [...this.#table(key)]
      .filter(([id]) => !namespace || id.startsWith(`${namespace}/`))
      .sort(([a], [b]) => a < b ? -1 : 1)
      .map(([, object]) => structuredClone(object));
  }

  put(key: ResourceKey, object: KubeObject): KubeObject {
    const id = idOf(object);
    const previous = this.#table(key).get(id) ?? null;
    const stored = this.#stamp(object);
    this.#table(key).set(id, stored);
    this.#publish(previous ? "MODIFIED" : "ADDED", key, stored, previous);
    return structuredClone(stored);
  }

  remove(key: ResourceKey, object: KubeObject): KubeObject {
    const id = idOf(object);
    const previous = this.#table(key).get(id) ?? null;
    const removed = this.#stamp(object);
    if (!previous) return removed;
    this.#table(key).delete(id);
    this.#publish("DELETED", key, removed, previous);
    return removed;
  }

  /** The changes after `revision`; null when they are no longer all known. */
  since(revision: number): readonly Change[] | null {
    if (revision < this.#compacted) return null;
    return this.#history.filter((change) => change.revision > revision);
  }

  /** Forgets the history, so that every older revision is gone for watchers, as after etcd's compaction. */
  compact(): void {
    this.#history.length = 0;
    this.#compacted = this.#revision;
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #table(key: ResourceKey): Map<string, KubeObject> {
    const name = `${key.group}/${key.plural}`;
    const table = this.#objects.get(name) ?? new Map<string, KubeObject>();
    this.#objects.set(name, table);
    return table;
  }

  #stamp(object: KubeObject): KubeObject {
    this.#revision += 1;
    const stamped = structuredClone(object);
    stamped.metadata.resourceVersion = String(this.#revision);
    return stamped;
  }

  #publish(
    type: Change["type"],
    key: ResourceKey,
    object: KubeObject,
    previous: KubeObject | null,
  ): void {
    const change = { type, key, revision: this.#revision, object, previous };
    this.#history.push(change);
    if (this.#history.length > HISTORY_LENGTH) {
      this.#compacted = this.#history.shift()!.revision;
    }
    for (const listener of [...this.#listeners]) listener(change);
  }
}

function idOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}

/**
 * The journal's namespace on the API server: executions and Secrets, read in pages, written only within a
 * term of leadership. What is missing (definition, namespace, rights) is said with what to do about it.
 */
import * as z from "zod";
import { InvalidInputError, RefusedError, StalledError } from "../../../errors.ts";
import type { JsonObject, KubeObject } from "../../../core/kubernetes_object.ts";
import type { WriteBounds } from "../../../execution/cluster.ts";
import type { ApiRequest, KubernetesApi } from "../api.ts";

export const API_VERSION = "neuralops.io/v1";
export const KIND = "WorkPackageExecution";
export const DEFINITION = "helm/connector/crds/workpackageexecutions.yaml";

/** What every object of the journal is labelled with; the rest of each label is its own. */
export const LABELS = {
  open: "neuralops.io/open",
  state: "neuralops.io/state",
  stream: "neuralops.io/stream",
  sequence: "neuralops.io/sequence",
  received: "neuralops.io/received",
  /** Of a Secret: what it holds, and of which execution. */
  holds: "neuralops.io/holds",
  execution: "neuralops.io/execution",
  owned: "neuralops.io/owned",
} as const;

export type Collection = "executions" | "secrets";

const FIELD_MANAGER = "neuralops-connector";
const PAGE_SIZE = 500;
/** Whole executions are larger than metadata: up to a few hundred KiB each. */
const WHOLE_PAGE_SIZE = 25;
const METADATA_ONLY =
  "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";
const Listed = z.looseObject({
  metadata: z.looseObject({ continue: z.string().optional() }),
  // null where there is none, if only metadata was asked for.
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({ name: z.string(), resourceVersion: z.string() }),
    }),
  ).nullish(),
});

export type JournalApi = Pick<KubernetesApi, "request" | "find">;

export interface StorePlace {
  readonly namespace: string;
  /** Runs a write within the present term. Throws RefusedError `not_leader` outside of one. */
  within<T>(write: (bounds: WriteBounds) => Promise<T>): Promise<T>;
}

export class JournalStore {
  readonly namespace: string;

  constructor(private readonly api: JournalApi, private readonly place: StorePlace) {
    this.namespace = place.namespace;
  }

  async find(collection: Collection, name: string): Promise<KubeObject | null> {
    const object = await this.#explain(collection, "read", () =>
      this.api.find({
        method: "GET",
        path: this.#path(collection, name),
        what: `read ${this.#name(collection, name)}`,
      }));
    return object as KubeObject | null;
  }

  /** One page after the other; whole executions in small ones. Names and labels alone unless `whole`. */
  async *list(
    collection: Collection,
    { selector = "", whole = false, limit = whole ? WHOLE_PAGE_SIZE : PAGE_SIZE }: {
      selector?: string;
      whole?: boolean;
      limit?: number;
    } = {},
  ): AsyncGenerator<KubeObject> {
    for (let position = "", isLast = false; !isLast;) {
      const { object } = await this.#explain(collection, "list", () =>
        this.api.request({
          method: "GET",
          path: this.#path(collection),
          query: {
            limit: String(limit),
            ...(selector ? { labelSelector: selector } : {}),
            ...(position ? { continue: position } : {}),
          },
          ...(whole ? {} : { accept: METADATA_ONLY }),
          what: `list ${this.#name(collection)}`,
        }));
      const page = Listed.safeParse(object);
      if (!page.success) {
        throw new InvalidInputError(
          "malformed_answer",
          `The API server's list of ${this.#name(collection)} cannot be read`,
        );
      }
      yield* (page.data.items ?? []) as unknown as KubeObject[];
      position = page.data.metadata.continue ?? "";
      isLast = position === "";
    }
  }

  /** null when there is one of that name. */
  async create(collection: Collection, object: JsonObject): Promise<KubeObject | null> {
    try {
      return await this.#write(collection, "create", {
        method: "POST",
        path: this.#path(collection),
        body: object,
      });
    } catch (error) {
      if (isConflict(error)) return null;
      throw error;
    }
  }

  /**
   * A merge patch, so that what others keep in the object's metadata stays.
   * @param version the resourceVersion that it is for; without one, whatever is there
   * Returns null when the object has another version, or is gone.
   */
  async patch(
    collection: Collection,
    name: string,
    version: string | null,
    patch: JsonObject,
  ): Promise<KubeObject | null> {
    const metadata = {
      ...patch.metadata as JsonObject,
      ...(version === null ? {} : { resourceVersion: version }),
    };
    try {
      return await this.#write(collection, "patch", {
        method: "PATCH",
        path: this.#path(collection, name),
        body: { ...patch, metadata },
        contentType: "application/merge-patch+json",
      });
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) return null;
      throw error;
    }
  }

  /** What `patch` would do, done by nobody. Throws RefusedError `not_found`, and what admission refuses. */
  async rehearse(collection: Collection, name: string, patch: JsonObject): Promise<void> {
    await this.#write(collection, "patch", {
      method: "PATCH",
      path: this.#path(collection, name),
      body: patch,
      contentType: "application/merge-patch+json",
    }, { dryRun: "All" });
  }

  /** No error when it is gone already. */
  async remove(collection: Collection, name: string): Promise<void> {
    await this.#explain(collection, "delete", () =>
      this.place.within((bounds) =>
        this.api.find({
          method: "DELETE",
          path: this.#path(collection, name),
          what: `delete ${this.#name(collection, name)}`,
          bounds,
        })
      ));
  }

  async #write(
    collection: Collection,
    verb: string,
    request: Omit<ApiRequest, "what" | "bounds" | "query">,
    options: Readonly<Record<string, string>> = {},
  ): Promise<KubeObject> {
    const what = `${verb} ${this.#name(collection)}`;
    const query = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict", ...options };
    const { object } = await this.#explain(
      collection,
      verb,
      () => this.place.within((bounds) => this.api.request({ ...request, query, what, bounds })),
    );
    return object as KubeObject;
  }

  async #explain<T>(collection: Collection, verb: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof StalledError && error.code === "access_denied") {
        throw new StalledError("access_denied", error.message, {
          cause: error,
          hint: `the journal needs ${verb} on ${this.#name(collection)}: grant it as in ` +
            "docs/examples/journal-rbac.yaml",
        });
      }
      // A name that is not there was asked for by name; a collection is not there for other reasons.
      if (isNotFound(error) && verb !== "patch") throw this.#missing(collection, error);
      throw error;
    }
  }

  #missing(collection: Collection, cause: unknown): StalledError {
    const { message } = cause as Error;
    if (collection === "executions" && !/namespaces? "/.test(message)) {
      return new StalledError(
        "config_invalid",
        "The cluster does not know workpackageexecutions.neuralops.io, which hold the journal",
        { cause, hint: `install the definition: kubectl apply -f ${DEFINITION}` },
      );
    }
    return new StalledError("config_invalid", `The journal has no namespace: ${message}`, {
      cause,
      hint: `create it (kubectl create namespace ${this.namespace}), or correct ` +
        "kubernetes.journal.namespace",
    });
  }

  #name(collection: Collection, name?: string): string {
    const kind = collection === "secrets" ? "secrets" : "workpackageexecutions.neuralops.io";
    return `${kind} in namespace ${this.namespace}${name === undefined ? "" : ` (${name})`}`;
  }

  #path(collection: Collection, name?: string): string {
    const namespace = encodeURIComponent(this.namespace);
    const path = collection === "secrets"
      ? `/api/v1/namespaces/${namespace}/secrets`
      : `/apis/${API_VERSION}/namespaces/${namespace}/workpackageexecutions`;
    return name === undefined ? path : `${path}/${encodeURIComponent(name)}`;
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof RefusedError && error.code === "field_conflict";
}

function isNotFound(error: unknown): boolean {
  return error instanceof RefusedError && error.code === "not_found";
}

/** The store's word for something that is not as this journal left it. */
export function damaged(what: string, problem: string, cause?: unknown): StalledError {
  return new StalledError("state_damaged", `${what} is not as the journal left it: ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    hint:
      "find out who changed it (kubectl get -o yaml --show-managed-fields) and restore it from a " +
      "backup; to delete it forgets this execution",
  });
}

/** The port to the cluster that packages change. The Kubernetes adapter implements it. */
import type { JsonObject, KubeObject, ObjectRef } from "../core/kubernetes_object.ts";

export interface ResourceType {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** How long a write may be under way. */
export interface WriteBounds {
  /** Aborts when it must no longer be waited for. */
  readonly signal: AbortSignal;
  /** Milliseconds from now after which the server must not carry it out any more. */
  leftMs(): number;
}

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly bounds?: WriteBounds;
}

export interface WriteResult {
  readonly object: KubeObject;
  /** Whether it was not there before; of a dry run, whether it is not there. */
  readonly isNew: boolean;
  /** Warning headers, as kubectl prints them. */
  readonly warnings: readonly string[];
}

/**
 * All calls throw: TransientError (network, 429, 5xx), StalledError `access_denied` (401, 403 by RBAC),
 * RefusedError `field_conflict` (naming the owners), `admission_denied` (403 by admission, 4xx),
 * ModifiedError (the object no longer has the resourceVersion that was named),
 * `plan_changed` (the object no longer has the uid that was named),
 * `not_found` (404 on a write).
 */
export interface Cluster {
  /** RefusedError `not_found` for a kind that the server does not have. */
  resolve(ref: Pick<ObjectRef, "apiVersion" | "kind">): Promise<ResourceType>;
  get(ref: ObjectRef): Promise<KubeObject | null>;
  /**
   * Server-side apply under our field manager, never forced, unknown fields refused. Holds only for the
   * uid and the resourceVersion that `object` names, where it names any.
   */
  apply(object: KubeObject, options: WriteOptions): Promise<WriteResult>;
  create(object: KubeObject, options: WriteOptions): Promise<WriteResult>;
  /** JSON merge patch; only if the object still has this resourceVersion, where one is given. */
  merge(
    ref: ObjectRef,
    patch: JsonObject,
    resourceVersion: string | null,
    options: WriteOptions,
  ): Promise<WriteResult>;
  /** Only if the object still has this uid; no error when it is gone already. */
  delete(ref: ObjectRef, uid: string, options: WriteOptions): Promise<void>;
}

/** The Cluster port over the Kubernetes API: typed by discovery, written by server-side apply. */
import * as z from "zod";
import { InvalidInputError, RefusedError } from "../../errors.ts";
import {
  formatKind,
  formatRef,
  isJsonObject,
  type JsonObject,
  type KubeObject,
  type ObjectRef,
  refOf,
} from "../../core/kubernetes_object.ts";
import type { Cluster, ResourceType, WriteOptions, WriteResult } from "../../execution/cluster.ts";
import type { ApiAnswer, ApiRequest, KubernetesApi } from "./api.ts";

/** What it defines may have come, gone, or changed its scope once one was written. */
const CRD_KIND = "CustomResourceDefinition";
const ResourceList = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});
const AnyObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});

export class KubernetesCluster implements Cluster {
  readonly #types = new Map<string, ResourceType>();

  constructor(private readonly api: KubernetesApi, private readonly fieldManager: string) {}

  async resolve(ref: Pick<ObjectRef, "apiVersion" | "kind">): Promise<ResourceType> {
    const known = this.#types.get(formatKind(ref));
    if (known) return known;
    const list = await this.api.find({
      method: "GET",
      path: groupPath(ref.apiVersion),
      what: `discover ${ref.apiVersion}`,
    });
    const parsed = ResourceList.safeParse(list ?? { resources: [] });
    if (!parsed.success) {
      throw new InvalidInputError(
        "malformed_answer",
        `The API server's list of what is in ${ref.apiVersion} cannot be read`,
      );
    }
    for (const { name, kind, namespaced } of parsed.data.resources) {
      // Subresources have a slash in their name and share their parent's or another's kind.
      if (!name.includes("/")) {
        this.#types.set(formatKind({ apiVersion: ref.apiVersion, kind }), {
          plural: name,
          namespaced,
        });
      }
    }
    const found = this.#types.get(formatKind(ref));
    if (found) return found;
    throw new RefusedError("not_found", `The cluster does not know ${formatKind(ref)}`, {
      hint: "install the CustomResourceDefinition first, or correct apiVersion and kind",
    });
  }

  async get(ref: ObjectRef): Promise<KubeObject | null> {
    const object = await this.api.find({
      method: "GET",
      path: await this.#path(ref),
      what: `get ${formatRef(ref)}`,
    });
    return object && toKubeObject(object, ref);
  }

  async apply(object: KubeObject, options: WriteOptions): Promise<WriteResult> {
    const ref = refOf(object);
    return await this.#write(ref, options, {
      method: "PATCH",
      path: await this.#path(ref),
      body: object,
      contentType: "application/apply-patch+yaml",
      what: `apply ${formatRef(ref)}`,
    });
  }

  async create(object: KubeObject, options: WriteOptions): Promise<WriteResult> {
    const ref = refOf(object);
    return await this.#write(ref, options, {
      method: "POST",
      path: await this.#collection(ref),
      body: object,
      what: `create ${formatRef(ref)}`,
    });
  }

  async merge(
    ref: ObjectRef,
    patch: JsonObject,
    resourceVersion: string | null,
    options: WriteOptions,
  ): Promise<WriteResult> {
    const metadata = isJsonObject(patch.metadata) ? patch.metadata : {};
    const guarded = resourceVersion === null
      ? patch
      : { ...patch, metadata: { ...metadata, resourceVersion } };
    return await this.#write(ref, options, {
      method: "PATCH",
      path: await this.#path(ref),
      body: guarded,
      contentType: "application/merge-patch+json",
      what: `patch ${formatRef(ref)}`,
    });
  }

  async delete(ref: ObjectRef, uid: string, options: WriteOptions): Promise<void> {
    await this.api.find({
      method: "DELETE",
      path: await this.#path(ref),
      ...(options.bounds ? { bounds: options.bounds } : {}),
      // Beside a body the API server looks at no option in the query: dryRun there would delete.
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        preconditions: { uid },
        propagationPolicy: "Background",
        ...(options.dryRun ? { dryRun: ["All"] } : {}),
      },
      what: `delete ${formatRef(ref)}`,
    });
    if (!options.dryRun && ref.kind === CRD_KIND) this.#types.clear();
  }

  async #write(ref: ObjectRef, options: WriteOptions, request: ApiRequest): Promise<WriteResult> {
    const answer: ApiAnswer = await this.api.request({
      ...request,
      ...(options.bounds ? { bounds: options.bounds } : {}),
      query: {
        fieldManager: this.fieldManager,
        fieldValidation: "Strict",
        ...(options.dryRun ? { dryRun: "All" } : {}),
      },
    });
    if (!options.dryRun && ref.kind === CRD_KIND) this.#types.clear();
    return {
      object: toKubeObject(answer.object, ref),
      isNew: answer.status === 201,
      warnings: answer.warnings,
    };
  }

  async #collection(ref: ObjectRef): Promise<string> {
    const { plural, namespaced } = await this.resolve(ref);
    const where = namespaced && ref.namespace
      ? `/namespaces/${encodeURIComponent(ref.namespace)}`
      : "";
    return `${groupPath(ref.apiVersion)}${where}/${plural}`;
  }

  async #path(ref: ObjectRef): Promise<string> {
    return `${await this.#collection(ref)}/${encodeURIComponent(ref.name)}`;
  }
}

function groupPath(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function toKubeObject(value: JsonObject, ref: ObjectRef): KubeObject {
  const parsed = AnyObject.safeParse(value);
  if (parsed.success) return value as KubeObject;
  throw new InvalidInputError(
    "malformed_answer",
    `The API server's answer about ${formatRef(ref)} is no Kubernetes object`,
  );
}

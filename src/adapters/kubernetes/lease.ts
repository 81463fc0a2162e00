/** One coordination.k8s.io/v1 Lease: read, made, and replaced only at the version that was read. */
import { z } from "zod";
import { RefusedError } from "../../errors.ts";
import type { LeaseFields } from "../../core/election.ts";
import type { LeaseStore, StoredLease } from "../../loops/leadership.ts";
import type { KubernetesApi } from "./api.ts";

const Lease = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  spec: z.object({
    holderIdentity: z.string().nullish().transform((value) => value ?? undefined),
    leaseDurationSeconds: z.number().nullish().transform((value) => value ?? undefined),
    leaseTransitions: z.number().nullish().transform((value) => value ?? undefined),
    acquireTime: z.string().nullish().transform((value) => value ?? undefined),
    renewTime: z.string().nullish().transform((value) => value ?? undefined),
  }).prefault({}),
});

export class KubernetesLease implements LeaseStore {
  readonly #collection: string;

  constructor(
    private readonly api: KubernetesApi,
    private readonly namespace: string,
    private readonly name: string,
  ) {
    this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  }

  async read(): Promise<StoredLease | null> {
    const object = await this.api.find({
      method: "GET",
      path: `${this.#collection}/${this.name}`,
      what: `read Lease ${this.namespace}/${this.name}`,
    });
    return object && toStored(object);
  }

  async write(spec: LeaseFields, resourceVersion: string | null): Promise<StoredLease | null> {
    const body = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        name: this.name,
        namespace: this.namespace,
        ...(resourceVersion === null ? {} : { resourceVersion }),
      },
      spec,
    };
    const what = `write Lease ${this.namespace}/${this.name}`;
    try {
      const { object } = resourceVersion === null
        ? await this.api.request({ method: "POST", path: this.#collection, body, what })
        : await this.api.request({
          method: "PUT",
          path: `${this.#collection}/${this.name}`,
          body,
          what,
        });
      return toStored(object);
    } catch (error) {
      if (error instanceof RefusedError && error.code === "field_conflict") return null;
      throw error;
    }
  }
}

function toStored(object: unknown): StoredLease {
  const { metadata, spec } = Lease.parse(object);
  const given = Object.entries(spec).filter(([, value]) => value !== undefined);
  return { resourceVersion: metadata.resourceVersion, spec: Object.fromEntries(given) };
}

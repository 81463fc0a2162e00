/** One `coordination.k8s.io/v1` Lease as the election's store. What others keep in the object stays. */
import * as z from "zod";
import type { V1Lease } from "@kubernetes/client-node";
import { InvalidInputError, RefusedError, StalledError } from "../../errors.ts";
import { parseChains, withChain } from "../../core/audit/register.ts";
import {
  isJsonObject,
  type Json,
  type JsonObject,
  type KubeObject,
} from "../../core/kubernetes_object.ts";
import { type LeaseRecord, UNCLAIMED } from "../../core/lease_record.ts";
import type { LeaseStore, StoredLease } from "../../loops/leadership.ts";
import type { Clock } from "../../runtime.ts";
import type { ApiRequest, KubernetesApi } from "./api.ts";

/** The chains of all that ever held the Lease; see docs/audit-log.md. */
const CHAINS_ANNOTATION = "neuralops.io/audit-chains";

const count = z.int().min(0).nullish();
const text = z.string().nullish();
const Lease = z.looseObject({
  metadata: z.looseObject({
    resourceVersion: z.string().min(1),
    annotations: z.record(z.string(), z.unknown()).nullish(),
  }),
  spec: z.looseObject(
    {
      holderIdentity: text,
      leaseDurationSeconds: count,
      acquireTime: text,
      renewTime: text,
      leaseTransitions: count,
    } satisfies Partial<Record<keyof NonNullable<V1Lease["spec"]>, z.ZodType>>,
  ).nullish(),
});

export class KubernetesLease implements LeaseStore {
  readonly name: string;
  readonly #collection: string;

  constructor(
    private readonly api: KubernetesApi,
    private readonly clock: Pick<Clock, "monotonic">,
    private readonly place: { readonly namespace: string; readonly name: string },
    /** Of the audit log of whoever writes: entered into the Lease with each write. */
    private readonly chain: string | null = null,
  ) {
    this.name = `${place.namespace}/${place.name}`;
    this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${
      encodeURIComponent(place.namespace)
    }/leases`;
  }

  async read(timeoutMs: number): Promise<StoredLease | null> {
    const object = await this.#call(timeoutMs, "read", (request) => this.api.find(request), {
      method: "GET",
      path: this.#path(),
    });
    return object && this.#parse(object);
  }

  async write(
    record: LeaseRecord,
    previous: StoredLease | null,
    timeoutMs: number,
  ): Promise<StoredLease | null> {
    const request = previous
      ? { method: "PUT", path: this.#path(), body: this.#over(previous, record) } as const
      : { method: "POST", path: this.#collection, body: this.#new(record) } as const;
    try {
      const send = async (whole: ApiRequest) => (await this.api.request(whole)).object;
      return this.#parse(await this.#call(timeoutMs, "write", send, request));
    } catch (error) {
      if (error instanceof RefusedError && wasFaster(error, previous)) return null;
      throw error;
    }
  }

  async *watch(
    version: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): AsyncGenerator<StoredLease | null> {
    const events = this.api.watch({
      path: this.#collection,
      query: {
        // By which RBAC knows that it is the one Lease that `resourceNames` grants.
        fieldSelector: `metadata.name=${this.place.name}`,
        resourceVersion: version,
        timeoutSeconds: String(Math.ceil(timeoutMs / 1000)),
      },
      what: `watch Lease ${this.name}`,
      signal,
    });
    try {
      for await (const { type, object } of events) {
        if (type === "DELETED") yield null;
        else if (type === "ADDED" || type === "MODIFIED") yield this.#parse(object);
      }
    } catch (error) {
      throw explained(error);
    }
  }

  async #call<T>(
    timeoutMs: number,
    verb: string,
    send: (request: ApiRequest) => Promise<T>,
    request: Omit<ApiRequest, "what" | "bounds">,
  ): Promise<T> {
    const deadlineMs = this.clock.monotonic() + timeoutMs;
    const bounds = { leftMs: () => deadlineMs - this.clock.monotonic() };
    try {
      return await send({ ...request, what: `${verb} Lease ${this.name}`, bounds });
    } catch (error) {
      throw explained(error);
    }
  }

  #path(): string {
    return `${this.#collection}/${encodeURIComponent(this.place.name)}`;
  }

  #new(record: LeaseRecord): JsonObject {
    const { namespace, name } = this.place;
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { namespace, name, ...this.#annotations({}, []) },
      spec: { ...record },
    };
  }

  /** The object that was read, its resourceVersion included, with our fields laid over it. */
  #over({ object, chains }: StoredLease, record: LeaseRecord): Json {
    const spec = isJsonObject(object.spec) ? object.spec : {};
    const { metadata } = object;
    const others = isJsonObject(metadata.annotations) ? metadata.annotations : {};
    return {
      ...object,
      metadata: { ...metadata, ...this.#annotations(others, chains ?? []) },
      spec: { ...spec, ...record },
    };
  }

  #annotations(others: JsonObject, chains: readonly string[]): JsonObject {
    if (this.chain === null) return {};
    const value = withChain(chains, this.chain).join(" ");
    return { annotations: { ...others, [CHAINS_ANNOTATION]: value } };
  }

  #parse(object: JsonObject): StoredLease {
    const parsed = Lease.safeParse(object);
    if (!parsed.success) {
      throw new InvalidInputError("malformed_answer", `Lease ${this.name} cannot be read`);
    }
    const { metadata, spec } = parsed.data;
    const record: Record<string, string | number> = { ...UNCLAIMED };
    for (const field of Object.keys(UNCLAIMED) as (keyof LeaseRecord)[]) {
      record[field] = spec?.[field] ?? UNCLAIMED[field];
    }
    return {
      record: record as unknown as LeaseRecord,
      version: metadata.resourceVersion,
      chains: parseChains(metadata.annotations?.[CHAINS_ANNOTATION]),
      object: object as KubeObject,
    };
  }
}

function explained(error: unknown): unknown {
  if (!(error instanceof StalledError && error.code === "access_denied")) return error;
  return new StalledError("access_denied", error.message, {
    cause: error,
    hint:
      "check the credentials, and grant get, create, update and watch on leases of this namespace",
  });
}

/** 409 for another version, or for one that exists already; what is gone was deleted meanwhile. */
function wasFaster({ code }: RefusedError, previous: StoredLease | null): boolean {
  // A Lease that was deleted meanwhile is told by its uid.
  if (code === "field_conflict" || code === "plan_changed") return true;
  return code === "not_found" && previous !== null;
}

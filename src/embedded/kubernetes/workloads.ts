/**
 * The controllers of a cluster without nodes: a workload becomes available a while after its
 * specification changed, unless an image ends in `:broken`; claims are bound.
 */
import { type KubeObject, objectAt } from "./json.ts";
import type { Resource } from "./resources.ts";
import { isBroken, rolloutStatus, rollsOut, type Stage, templateHash } from "./rollout.ts";
import { type ServerState, timestamp } from "./state.ts";
import type { Change } from "./store.ts";
import type { SystemWriter } from "./system_writer.ts";
import type { Timers } from "./timers.ts";

const MANAGER = "kube-controller-manager";
const REVISION = "deployment.kubernetes.io/revision";
/** A rollout is first seen after this part of its duration. */
const NOTICE_SHARE = 0.25;

export interface RolloutTimes {
  readonly rolloutMs: number;
  /** Instead of the object's own progressDeadlineSeconds. */
  readonly progressDeadlineMs: number | undefined;
}

export class Workloads {
  /** By uid: the template of the last rollout that was started. */
  readonly #templates = new Map<string, string>();

  constructor(
    private readonly state: ServerState,
    private readonly writer: SystemWriter,
    private readonly timers: Timers,
    private readonly times: RolloutTimes,
  ) {}

  observe({ type, key, object, previous }: Change): void {
    const resource = this.state.resources.ofKind(object.apiVersion, object.kind);
    if (!resource || resource.group !== key.group || resource.plural !== key.plural) return;
    const name = timerName(object);
    const isNew = type === "ADDED";
    if (type === "DELETED") {
      for (const stage of ["notice", "finish"]) this.timers.cancel(`${stage} ${name}`);
      this.#templates.delete(object.metadata.uid ?? "");
    } else if (isNew && resource.kind === "PersistentVolumeClaim") {
      this.timers.after(this.times.rolloutMs, `finish ${name}`, () => this.#bind(resource, object));
    } else if (rollsOut(resource.kind) && !resource.isCustom) {
      const hasChanged = previous?.metadata.generation !== object.metadata.generation;
      if (isNew || hasChanged) this.#begin(resource, object);
    }
  }

  #begin(resource: Resource, object: KubeObject): void {
    const { rolloutMs } = this.times;
    const name = timerName(object);
    this.timers.cancel(`finish ${name}`);
    this.timers.after(rolloutMs * NOTICE_SHARE, `notice ${name}`, () => {
      const live = this.#current(resource, object);
      if (!live) return;
      this.#write(resource, live, "started");
      const broken = isBroken(live);
      const waitMs = broken ? this.#deadlineMs(live) : rolloutMs * (1 - NOTICE_SHARE);
      this.timers.after(waitMs, `finish ${name}`, () => {
        const started = this.#current(resource, object);
        if (started) this.#write(resource, started, broken ? "timedOut" : "finished");
      });
    });
  }

  #write(resource: Resource, live: KubeObject, stage: Stage): void {
    const status = rolloutStatus(live, stage, timestamp(this.state.clock));
    const metadata = { ...live.metadata };
    if (resource.kind === "Deployment" && stage === "started") {
      metadata.annotations = { ...metadata.annotations, [REVISION]: this.#revisionOf(live) };
    }
    this.writer.put(resource, { ...live, metadata, status }, MANAGER, "status");
  }

  /** Counts up with every change of the template, even back to an earlier one. */
  #revisionOf(deployment: KubeObject): string {
    const uid = deployment.metadata.uid ?? "";
    const template = templateHash(deployment);
    const last = Number(deployment.metadata.annotations?.[REVISION] ?? 0);
    const isSame = this.#templates.get(uid) === template;
    this.#templates.set(uid, template);
    return String(isSame ? last : last + 1);
  }

  #bind(resource: Resource, claim: KubeObject): void {
    const live = this.#current(resource, claim);
    if (!live) return;
    const spec = objectAt(live, "spec") ?? {};
    const bound: KubeObject = {
      ...live,
      spec: { ...spec, volumeName: `pvc-${claim.metadata.uid}` },
    };
    const stored = this.writer.put(resource, bound, MANAGER);
    const status = {
      phase: "Bound",
      accessModes: spec["accessModes"] ?? [],
      capacity: objectAt(spec, "resources", "requests") ?? {},
    };
    this.writer.put(resource, { ...stored, status }, MANAGER, "status");
  }

  /** The object as it is now, unless it is gone or has moved on to another generation. */
  #current(resource: Resource, { metadata }: KubeObject): KubeObject | null {
    const live = this.state.store.get(resource, metadata.namespace ?? "", metadata.name);
    const isSame = live?.metadata.uid === metadata.uid &&
      live?.metadata.generation === metadata.generation;
    return isSame ? live : null;
  }

  #deadlineMs(object: KubeObject): number {
    const seconds = objectAt(object, "spec")?.["progressDeadlineSeconds"];
    return this.times.progressDeadlineMs ?? (typeof seconds === "number" ? seconds : 600) * 1000;
  }
}

function timerName({ metadata }: KubeObject): string {
  return metadata.uid ?? "";
}

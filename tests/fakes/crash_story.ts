/** Two whole stories of a package, and the world that one run of them touches. */
import { comparable } from "../../src/core/diff.ts";
import { type KubeObject, managedFieldsOf } from "../../src/core/kubernetes_object.ts";
import { type ExecutionState, type ReceiptPayload } from "../../src/core/protocol.ts";
import { nameBytes } from "../../src/execution/stages.ts";
import {
  addNamespace,
  applyAction,
  AUTO_POLICY,
  configMap,
  deployment,
  deploymentRef,
  type Ground,
  MANUAL_POLICY,
  packageOf,
} from "./execution_stand.ts";

export interface Story {
  readonly policy: string;
  readonly end: ExecutionState;
  actions(namespace: string): string[];
}

const STEPS = (namespace: string) => [
  applyAction(configMap("made", { a: "1" }, namespace)),
  applyAction(
    deployment("changed", "changed:1", 2, namespace)
      .replace("metadata: { labels:", "metadata: { annotations: { release: r2 }, labels:"),
  ),
  `    - scale: { ref: ${deploymentRef("scaled", namespace)}, replicas: 5 }`,
  `    - restart: { ref: ${deploymentRef("restarted", namespace)} }`,
  `    - delete: { refs: [{ apiVersion: v1, kind: ConfigMap, namespace: ${namespace}, name: doomed }] }`,
];

const APPLIED: Story = { policy: MANUAL_POLICY, end: "succeeded", actions: STEPS };
/** Planned while it is put on record, and begun with the same write that says so. */
const AT_ONCE: Story = { ...APPLIED, policy: AUTO_POLICY };
const ROLLED_BACK: Story = {
  policy: MANUAL_POLICY,
  end: "rolled_back",
  actions: (namespace) => [
    ...STEPS(namespace).filter((action) => !action.includes("restart")),
    applyAction(deployment("never", "never:broken", 1, namespace)),
  ],
};

export const STORIES = { succeeded: APPLIED, rolled_back: ROLLED_BACK, at_once: AT_ONCE };

/** One namespace and one state directory: what a run touches, and no other run. */
export interface World {
  readonly ground: Ground;
  readonly namespace: string;
  readonly directory: string;
  /** State directories of the processes that lived so far: one, or with a shared journal one for each. */
  readonly lives: string[];
  /** Where the agents share a journal; null where it is in the state directory. */
  readonly journal: string | null;
  readonly bytes: Uint8Array;
  readonly id: string;
  readonly policy: string;
  /** What reached the control plane, by key. */
  readonly received: Map<string, ReceiptPayload>;
}

export function layWorld(ground: Ground, story: Story, name: string, isShared: boolean): World {
  const namespace = `shop-${name}`;
  const journal = isShared ? `journal-${name}` : null;
  for (const one of [namespace, journal]) if (one) addNamespace(ground.kubernetes, one);
  const put = (object: unknown) => ground.kubernetes.store.put(object as KubeObject, "kubectl");
  for (const app of ["changed", "scaled", "restarted"]) {
    put({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: app, namespace },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app } },
        template: {
          metadata: { labels: { app } },
          spec: { containers: [{ name: "app", image: `${app}:1` }] },
        },
      },
    });
  }
  put({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "doomed", namespace },
    data: { keep: "me" },
  });
  const bytes = packageOf({
    actions: story.actions(namespace).join("\n"),
    stream: `crash-${name}`,
    timeout: "20s",
  });
  const { id } = nameBytes(bytes);
  return {
    ground,
    namespace,
    directory: `${ground.directory}/${name}`,
    bytes,
    id,
    policy: story.policy,
    received: new Map(),
    lives: [],
    journal,
  };
}

/** Everything in the namespace, without what differs from run to run: names of the run, times, uids. */
export function snapshot({ ground, namespace, id }: World): unknown {
  const objects = ["Deployment", "ConfigMap"].flatMap((kind) =>
    ground.kubernetes.store.list(kind === "Deployment" ? "apps/v1" : "v1", kind, namespace)
  ) as unknown as KubeObject[];
  const kept = objects.map((object) => ({
    object: comparable(object),
    generation: object.metadata.generation,
    owners: managedFieldsOf(object)
      .map(({ time: _time, ...entry }) => JSON.stringify(entry)).sort(),
  }));
  return JSON.parse(JSON.stringify(kept).replaceAll(namespace, "NS").replaceAll(id, "ID"));
}

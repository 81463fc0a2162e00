/** Whatever a package did, and to whoever's objects: once it has failed, everything is as it was. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { KubernetesApi } from "../../src/adapters/kubernetes/api.ts";
import { KubernetesCluster } from "../../src/adapters/kubernetes/cluster.ts";
import { loadCredentials } from "../../src/adapters/kubernetes/credentials.ts";
import { comparable } from "../../src/core/diff.ts";
import {
  isJsonObject,
  type Json,
  type KubeObject,
  managedFieldsOf,
  refOf,
} from "../../src/core/kubernetes_object.ts";
import type { Cluster } from "../../src/execution/cluster.ts";
import { SecretMask } from "../../src/log.ts";
import { wrapCluster } from "../fakes/cluster_wrap.ts";
import {
  addNamespace,
  applyAction,
  AUTO_POLICY,
  configMap,
  deployment,
  deploymentRef,
  FIELD_MANAGER,
  type Ground,
  layGround,
  packageOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

type Owner = "kubectl" | "flux" | "ours";
/** How each owner writes: people with plain updates, the others with server-side apply. */
const OWNERS: readonly Owner[] = ["kubectl", "flux", "ours"];

interface MapCase {
  readonly kind: "ConfigMap" | "Secret";
  /** By key: who has set it before. */
  readonly earlier: Readonly<Record<string, readonly Owner[]>> | null;
  readonly action:
    | { readonly kind: "none" | "delete" }
    | { readonly kind: "apply"; readonly data: Readonly<Record<string, "same" | "new">> };
}

/** A Service, whose ports are a list with keys. */
interface PortsCase {
  /** By port: who has set it before. A list without ports is no Service. */
  readonly earlier: Readonly<Record<string, readonly Owner[]>>;
  /** By port: set anew by our apply, as it was or with another target. */
  readonly ports: Readonly<Record<string, "same" | "new">>;
  readonly action: "none" | "apply" | "delete";
}

interface DeploymentCase {
  readonly owner: Owner;
  /** Whether an earlier package of ours has scaled it. */
  readonly scaled: boolean;
  readonly action: "none" | "scale" | "restart" | "annotate" | "delete";
}

const owners = fc.constantFrom<readonly Owner[]>(["kubectl"], ["flux"], ["ours"], ["flux", "ours"]);
const mapCase: fc.Arbitrary<MapCase> = fc.record({
  kind: fc.constantFrom("ConfigMap", "Secret"),
  earlier: fc.option(fc.dictionary(fc.constantFrom("a", "b", "c", "d"), owners), { freq: 4 }),
  action: fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom("none" as const, "delete" as const) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("apply" as const),
        data: fc.dictionary(
          fc.constantFrom("a", "b", "c", "d", "e"),
          fc.constantFrom("same" as const, "new" as const),
        ),
      }),
    },
  ),
});
const anyPort = fc.constantFrom("80", "81", "82", "83");
const appliers = fc.constantFrom<readonly Owner[]>(["flux"], ["ours"], ["flux", "ours"]);
const portsCase: fc.Arbitrary<PortsCase> = fc.record({
  earlier: fc.dictionary(anyPort, appliers, { minKeys: 1 }),
  ports: fc.dictionary(anyPort, fc.constantFrom("same" as const, "new" as const), { minKeys: 1 }),
  action: fc.constantFrom("none", "apply", "delete"),
});
const deploymentCase: fc.Arbitrary<DeploymentCase> = fc.record({
  owner: fc.constantFrom(...OWNERS),
  scaled: fc.boolean(),
  action: fc.constantFrom("none", "scale", "restart", "annotate", "delete"),
});
const cases = fc.record({
  maps: fc.array(mapCase, { minLength: 1, maxLength: 3 }),
  ports: portsCase,
  deployment: deploymentCase,
});

interface Scene {
  readonly ground: Ground;
  readonly stand: Stand;
  readonly clusters: Readonly<Record<Owner, Cluster>>;
  readonly namespace: string;
}

/** A value that another owner has set can only be set again; our own, or a new key, as we like. */
function dataOf({ earlier, action }: MapCase): Record<string, string> {
  if (action.kind !== "apply") return {};
  return Object.fromEntries(
    Object.entries(action.data).map(([key, wish]) => {
      const isForeign = earlier?.[key]?.some((owner) => owner !== "ours") ?? false;
      return [key, wish === "same" || isForeign ? `${key}-before` : `${key}-after`];
    }),
  );
}

async function layMap({ clusters, namespace }: Scene, name: string, { kind, earlier }: MapCase) {
  if (earlier === null) return;
  const identity = { apiVersion: "v1", kind, metadata: { name, namespace } };
  // Of an object that nobody owns no one becomes an owner by an update: this label makes it somebody's.
  const made = { ...identity, metadata: { ...identity.metadata, labels: { made: "by-hand" } } };
  await clusters.kubectl.create(made as unknown as KubeObject, { dryRun: false });
  for (const owner of OWNERS) {
    const data = Object.fromEntries(
      Object.entries(earlier).filter(([, all]) => all.includes(owner))
        .map(([key]) => [key, stored(kind, `${key}-before`)]),
    );
    if (Object.keys(data).length === 0) continue;
    const object = { ...identity, data } as unknown as KubeObject;
    if (owner === "kubectl") {
      await clusters.kubectl.merge(refOf(object), { data }, null, { dryRun: false });
    } else await clusters[owner].apply(object, { dryRun: false });
  }
}

function stored(kind: MapCase["kind"], text: string): string {
  return kind === "Secret" ? btoa(text) : text;
}

function service(namespace: string, ports: readonly Json[]): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace },
    spec: { selector: { app: "web" }, ports },
  } as unknown as KubeObject;
}

const portOf = (port: string, targetPort: number): Json => ({
  name: `p${port}`,
  port: Number(port),
  targetPort,
});

async function layPorts({ clusters, namespace }: Scene, { earlier }: PortsCase) {
  for (const owner of ["flux", "ours"] as const) {
    const ports = Object.entries(earlier).filter(([, all]) => all.includes(owner))
      .map(([port]) => portOf(port, 8000));
    if (ports.length === 0) continue;
    await clusters[owner].apply(service(namespace, ports), { dryRun: false });
  }
}

/** The target of another owner's port can only be set as it is. */
function appliedPorts({ earlier, ports }: PortsCase): Json[] {
  return Object.entries(ports).map(([port, wish]) =>
    portOf(port, wish === "same" || earlier[port]?.includes("flux") ? 8000 : 9000)
  );
}

async function layDeployment({ clusters, namespace }: Scene, { owner, scaled }: DeploymentCase) {
  const object = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "app", image: "web:1" }] },
      },
    },
  } as unknown as KubeObject;
  if (owner === "kubectl") await clusters.kubectl.create(object, { dryRun: false });
  else await clusters[owner].apply(object, { dryRun: false });
  if (scaled) {
    await clusters.ours.merge(refOf(object), { spec: { replicas: 3 } }, null, { dryRun: false });
  }
}

/** Who has applied the whole must apply the whole again, or gives the rest up. */
function annotated({ owner, scaled }: DeploymentCase, namespace: string): string {
  const metadata = `metadata: { name: web, namespace: ${namespace}, annotations: { note: seen } }`;
  return owner === "ours"
    ? deployment("web", "web:2", scaled ? 3 : 2, namespace).replace(/^metadata: .*$/m, metadata)
    : `apiVersion: apps/v1\nkind: Deployment\n${metadata}`;
}

interface Drawn {
  readonly maps: readonly MapCase[];
  readonly ports: PortsCase;
  readonly deployment: DeploymentCase;
}

function actionsOf({ maps, ports, deployment: earlier }: Drawn, namespace: string): string[] {
  const web = deploymentRef("web", namespace);
  const onDeployment = {
    none: [],
    scale: [`    - scale: { ref: ${web}, replicas: 7 }`],
    restart: [`    - restart: { ref: ${web} }`],
    annotate: [applyAction(annotated(earlier, namespace))],
    delete: [`    - delete: { refs: [${web}] }`],
  }[earlier.action];
  const onMaps = maps.flatMap((map, index) => {
    const name = `map-${index}`;
    if (map.action.kind === "none") return [];
    if (map.action.kind === "delete") return [deletion(map.kind, name, namespace)];
    const manifest = configMap(name, dataOf(map), namespace);
    const asSecret = manifest.replace("ConfigMap", "Secret").replace("\ndata:", "\nstringData:");
    return [applyAction(map.kind === "Secret" ? asSecret : manifest)];
  });
  const onPorts = {
    none: [],
    apply: [applyAction(JSON.stringify(service(namespace, appliedPorts(ports))))],
    delete: [deletion("Service", "web", namespace)],
  }[ports.action];
  return [
    ...onMaps,
    ...onPorts,
    ...onDeployment,
    applyAction(deployment("never", "never:broken", 1, namespace)),
  ];
}

function deletion(kind: string, name: string, namespace: string): string {
  const ref = `{ apiVersion: v1, kind: ${kind}, namespace: ${namespace}, name: ${name} }`;
  return `    - delete: { refs: [${ref}] }`;
}

/** The objects, and who owns what of them; controllers' status entries come and go by themselves. */
function snapshot({ ground, namespace }: Scene) {
  const { store } = ground.kubernetes;
  const objects = [
    ...["ConfigMap", "Secret", "Service"].flatMap((kind) => store.list("v1", kind, namespace)),
    ...store.list("apps/v1", "Deployment", namespace),
  ] as unknown as KubeObject[];
  return objects.map((object) => ({
    object: comparable(withSortedPorts(object)),
    owners: managedFieldsOf(object).filter(({ subresource }) => !subresource)
      .map(({ time: _time, ...entry }) => JSON.stringify(entry)).sort(),
  }));
}

/** An apply puts the items that it names behind the others; nobody owns their order. */
function withSortedPorts(object: KubeObject): KubeObject {
  const { spec } = object;
  if (!isJsonObject(spec) || !Array.isArray(spec.ports)) return object;
  const ports = spec.ports.toSorted((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  return { ...object, spec: { ...spec, ports } };
}

async function connect(ground: Ground, kubeconfig: string, manager: string) {
  const { files, clock } = ground.runtime;
  const credentials = await loadCredentials(
    { mode: "kubeconfig", kubeconfig },
    { files, clock, mask: new SecretMask(), env: () => undefined },
  );
  const api = new KubernetesApi(ground.runtime, credentials);
  return { api, cluster: new KubernetesCluster(api, manager) };
}

Deno.test("a package that fails leaves every object, and every owner's fields, as they were", async () => {
  const ground = await layGround({ rolloutMs: 1, progressDeadlineMs: 5 });
  const stand = (await Stand.open(ground, { policy: AUTO_POLICY })).start();
  const kubeconfig = `${stand.directory}/kubeconfig`;
  const kubectl = await connect(ground, kubeconfig, "kubectl");
  const flux = await connect(ground, kubeconfig, "flux");
  const ours = await connect(ground, kubeconfig, FIELD_MANAGER);
  const clusters = { kubectl: kubectl.cluster, flux: flux.cluster, ours: ours.cluster };
  let run = 0;
  try {
    await fc.assert(
      fc.asyncProperty(cases, async (drawn) => {
        const namespace = `shop-${run++}`;
        addNamespace(ground.kubernetes, namespace);
        const scene = { ground, stand, clusters, namespace };
        await Promise.all([
          ...drawn.maps.map((map, index) => layMap(scene, `map-${index}`, map)),
          layPorts(scene, drawn.ports),
          layDeployment(scene, drawn.deployment),
        ]);
        const before = snapshot(scene);
        const bytes = packageOf({
          actions: actionsOf(drawn, namespace).join("\n"),
          stream: namespace,
        });
        const { id } = await send(stand, ground, bytes);
        const end = await stand.until(id, "rolled_back", "rollback_failed", "refused");
        assert.equal(end.state, "rolled_back", end.reason);
        assert.deepEqual(snapshot(scene), before, end.reason);
      }),
      { numRuns: 25 },
    );
  } finally {
    for (const { api } of [kubectl, flux, ours]) api.close();
    await stand.kill();
    await ground.close();
  }
});

Deno.test("an object that someone else makes in mid-apply is not taken for ours and stays", async () => {
  const ground = await layGround({ progressDeadlineMs: 5, rolloutMs: 1 });
  const theirs = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "late", namespace: "shop" },
    data: { a: "theirs" },
  } as unknown as KubeObject;
  const stand = await Stand.open(ground, {
    policy: AUTO_POLICY,
    wrapCluster: (cluster) =>
      wrapCluster(cluster, async ({ isWrite, ref }, next) => {
        const result = await next();
        if (isWrite && ref.name === "first") {
          ground.kubernetes.store.put(theirs as never, "kubectl");
        }
        return result;
      }),
  });
  try {
    const bytes = packageOf({
      actions: [
        applyAction(configMap("first", { a: "1" })),
        applyAction(configMap("late", { b: "ours" })),
      ].join("\n"),
    });
    const { id } = await send(stand.start(), ground, bytes);
    const end = await stand.until(id, "rolled_back", "succeeded");
    assert.equal(end.state, "rolled_back");
    assert.equal(end.code, "plan_changed");
    assert.match(end.reason, /late: someone else has made one/);
    const { store } = ground.kubernetes;
    assert.deepEqual(store.get("v1", "ConfigMap", "shop", "late")?.["data"], { a: "theirs" });
    assert.equal(store.get("v1", "ConfigMap", "shop", "first"), null);
  } finally {
    await stand.kill();
    await ground.close();
  }
});

Deno.test("what was applied, then scaled, can be applied again without a conflict with ourselves", async () => {
  const ground = await layGround({ rolloutMs: 1 });
  const stand = (await Stand.open(ground, { policy: AUTO_POLICY })).start();
  const steps = [
    applyAction(deployment("web", "web:1", 2)),
    `    - scale: { ref: ${deploymentRef("web")}, replicas: 5 }`,
    applyAction(deployment("web", "web:2", 3)),
  ];
  try {
    for (const actions of steps) {
      const { id } = await send(stand, ground, packageOf({ actions }));
      assert.equal(
        (await stand.until(id, "succeeded", "refused", "rolled_back")).state,
        "succeeded",
      );
    }
    const web = ground.kubernetes.store.get("apps/v1", "Deployment", "shop", "web");
    assert.equal((web?.["spec"] as { replicas: number }).replicas, 3);
  } finally {
    await stand.kill();
    await ground.close();
  }
});

/** Random writes to one object, by three managers. */
import fc from "fast-check";

export interface Step {
  readonly verb: "apply" | "merge";
  readonly manager: string;
  readonly force: boolean;
  readonly content: Readonly<Record<string, unknown>>;
}

export interface Subject {
  /** `apps/v1/deployments` */
  readonly resource: string;
  readonly content: fc.Arbitrary<Readonly<Record<string, unknown>>>;
}

export function stepsOf({ content }: Subject): fc.Arbitrary<Step[]> {
  const step = fc.record({
    verb: fc.constantFrom("apply" as const, "apply" as const, "merge" as const),
    manager: fc.constantFrom("one", "two", "three"),
    force: fc.boolean(),
    content,
  }, { noNullPrototype: true });
  // The first creates it. Nothing is empty: see docs/decisions/0014-embedded-kubernetes.md.
  return fc.tuple(content, fc.array(step, { minLength: 1, maxLength: 6 })).map((
    [first, rest],
  ) => [{ verb: "apply", manager: "one", force: false, content: first }, ...rest]);
}

const word = fc.constantFrom("a", "b", "c");
const optional = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(fields, { requiredKeys: [], noNullPrototype: true });
const map = fc.dictionary(word, word, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
const metadata = optional({ labels: map, annotations: map });

const object = (apiVersion: string, kind: string, fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record(fields, { requiredKeys: "spec" in fields ? ["spec"] : [], noNullPrototype: true })
    .map((rest) => ({ apiVersion, kind, metadata: {}, ...rest }));

const listOf = (item: fc.Arbitrary<unknown>, key: string) =>
  fc.uniqueArray(item, {
    selector: (value) => (value as Record<string, unknown>)[key],
    minLength: 1,
    maxLength: 3,
  });

const env = listOf(
  fc.record({ name: word, value: word }, { requiredKeys: ["name"], noNullPrototype: true }),
  "name",
);
const ports = listOf(
  fc.record({
    containerPort: fc.constantFrom(80, 81),
    protocol: fc.constantFrom("TCP"),
  }, { requiredKeys: ["containerPort"], noNullPrototype: true }),
  "containerPort",
).filter((list) => list.length === 1);
const resources = optional({
  requests: fc.record({ cpu: fc.constantFrom("10m", "20m"), memory: fc.constant("16Mi") }, {
    requiredKeys: ["cpu"],
    noNullPrototype: true,
  }),
  limits: fc.record({ cpu: fc.constantFrom("100m") }, { noNullPrototype: true }),
});
const probe = optional({ periodSeconds: fc.constantFrom(5, 10), failureThreshold: fc.constant(3) })
  .map((rest) => ({ httpGet: { port: 80 }, ...rest }));

const container = fc.record({
  name: fc.constantFrom("main", "proxy"),
  image: fc.constantFrom("registry.local/web:1", "registry.local/web:2"),
  env,
  ports,
  resources,
  readinessProbe: probe,
  args: fc.array(word, { minLength: 1, maxLength: 2 }),
  imagePullPolicy: fc.constantFrom("Always", "IfNotPresent"),
}, { requiredKeys: ["name", "image"], noNullPrototype: true });

const podSpec = fc.record({
  containers: listOf(container, "name"),
  nodeSelector: map,
  tolerations: fc.constantFrom([{ key: "a", operator: "Exists" }], [{
    key: "b",
    operator: "Exists",
  }]),
  terminationGracePeriodSeconds: fc.constantFrom(5, 30),
  serviceAccountName: fc.constantFrom("default", "other"),
}, { requiredKeys: ["containers"], noNullPrototype: true });

export const SUBJECTS: Readonly<Record<string, Subject>> = {
  "config maps": {
    resource: "configmaps",
    content: object("v1", "ConfigMap", { data: map, immutable: fc.constant(false), metadata }),
  },
  "network policies": {
    resource: "networking.k8s.io/v1/networkpolicies",
    content: object("networking.k8s.io/v1", "NetworkPolicy", {
      metadata,
      spec: optional({
        podSelector: fc.constantFrom({}, { matchLabels: { a: "b" } }),
        policyTypes: fc.constantFrom(["Ingress"], ["Ingress", "Egress"]),
      }).map((spec) => ({ podSelector: {}, ...spec })),
    }),
  },
  services: {
    resource: "services",
    content: object("v1", "Service", {
      metadata,
      spec: optional({
        selector: map,
        sessionAffinity: fc.constantFrom("None", "ClientIP"),
        publishNotReadyAddresses: fc.boolean(),
      }).map((spec) => ({ ports: [{ port: 80 }], ...spec })),
    }),
  },
  // No controller looks at a pod template of its own.
  "pod templates in cron jobs": {
    resource: "batch/v1/cronjobs",
    content: object("batch/v1", "CronJob", {
      metadata,
      spec: fc.record({ template: podSpec, suspend: fc.boolean() }, {
        requiredKeys: ["template"],
        noNullPrototype: true,
      }).map(({ template, ...spec }) => ({
        schedule: "0 0 1 1 *",
        jobTemplate: { spec: { template: { spec: { restartPolicy: "Never", ...template } } } },
        ...spec,
      })),
    }),
  },
};

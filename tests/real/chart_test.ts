/** The chart as the real helm renders it, or refuses to; without a cluster. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { CASES, CHART, RENDERINGS, valuesPath } from "../../scripts/chart/renderings.ts";
import { parseConfig } from "../../src/config/load.ts";
import { parsePolicy, PolicySchema } from "../../src/core/policy.ts";
import { judge } from "../../src/core/policy/judge.ts";
import { rightsOf } from "../fakes/chart_objects.ts";
import { helm, template, tryTemplate } from "./chart.ts";
import { realTest } from "./peers.ts";

realTest("helm renders what the golden files and docs/manifests hold", ["helm"], async () => {
  for (const { path, args, finish } of RENDERINGS) {
    const { code, stdout, stderr } = await helm(...args);
    assert.equal(code, 0, stderr);
    const expected = await Deno.readTextFile(path);
    assert.equal(await finish(`${stdout.trim()}\n`), expected, `${path}: deno task manifests`);
  }
});

realTest("helm lint --strict finds nothing in any mode", ["helm"], async () => {
  for (const name of CASES) {
    const { code, stdout } = await helm("lint", "--strict", CHART, "--values", valuesPath(name));
    assert.equal(code, 0, stdout);
    assert.doesNotMatch(stdout, /WARNING|ERROR/);
  }
});

realTest("helm takes the values that docs/kubernetes.md begins with", ["helm"], async () => {
  const text = await Deno.readTextFile("docs/kubernetes.md");
  const [, values] = text.match(/^```yaml\n(# values\.yaml\n[\s\S]*?)^```/m)!;
  const objects = await template(parse(values!));
  const { data } = objects.find(({ kind }) => kind === "ConfigMap")!;
  parseConfig(data!["connector.yaml"]!, () => undefined, "the example");
  parsePolicy(data!["policy.yaml"]!);
});

const ALLOW = { name: "shop", namespaces: ["shop"], kinds: ["v1/ConfigMap"], actions: ["apply"] };
const BAD: Record<string, [values: unknown, expected: RegExp]> = {
  "an unknown value": [{ replicas: 3 }, /additional properties 'replicas' not allowed/],
  "an unknown value further in": [{ image: { tags: "1" } }, /'\/image'.*'tags' not allowed/],
  "a wrong type": [{ listener: { port: "8443" } }, /'\/listener\/port': got string, want integer/],
  "an unknown mode": [{ mode: "statefulset" }, /'\/mode': value must be one of 'daemonset'/],
  "an unknown key of the configuration": [
    { config: { signals: { query: [] } } },
    /'\/config\/signals'.*'query' not allowed/,
  ],
  "a key of the configuration that is the chart's": [
    { config: { stateDir: "/elsewhere" } },
    /'stateDir' not allowed/,
  ],
  "a query of each node without a pod on each node": [
    {
      mode: "deployment",
      config: {
        signals: { queries: [{ name: "load", expr: 'load{node="$node"}', scope: "node" }] },
      },
    },
    /load has scope node, but with mode deployment there is no pod on every node/,
  ],
  "a policy file of one's own": [
    { config: { execution: { policyFile: "/p.yaml" } } },
    /'policyFile' not allowed/,
  ],
  "plain HTTP": [
    { config: { controlPlane: { url: "http://x" } } },
    /'\/config\/controlPlane\/url'.*does not match/,
  ],
  "a policy with an unknown key": [{ policy: { allowed: [] } }, /'allowed' not allowed/],
  "a policy with a kind that is none": [
    { policy: { allow: [{ ...ALLOW, kinds: ["ConfigMap"] }] } },
    /'ConfigMap' does not match pattern/,
  ],
  "a policy with any kind": [
    { policy: { allow: [{ ...ALLOW, kinds: ["*"] }] } },
    /'\*' does not match pattern/,
  ],
  "a policy with any namespace": [
    { policy: { allow: [{ ...ALLOW, namespaces: ["*"] }] } },
    /'\*' does not match pattern/,
  ],
  "files on hosts": [
    { policy: { allow: [{ ...ALLOW, actions: ["files"] }] } },
    /\/actions\/0': value must be one of 'apply'/,
  ],
  "a kind whose resource it does not know": [
    { policy: { allow: [{ ...ALLOW, kinds: ["example.com/v1/Widget"] }] } },
    /does not know what the API server calls example\.com\/v1\/Widget\. Say so in rbac\.resources/,
  ],
  "a pattern that stands for nothing": [
    { policy: { allow: [{ ...ALLOW, namespaces: ["shop-*"] }] } },
    /RBAC knows no patterns: name those that are meant in rbac\.namespaces/,
  ],
  "an image that is nowhere": [
    { image: { repository: "" } },
    /image\.repository must say under which registry and name/,
  ],
  "a listener without a certificate": [
    { listener: { tls: { secretName: "" } } },
    /listener\.tls\.secretName must name the Secret/,
  ],
  "several pods without election": [
    { leaderElection: { enabled: false } },
    /there can be two pods at once, and both would act/,
  ],
  "one state for several": [
    { mode: "deployment", deployment: { replicas: 2 } },
    /no two connectors may share one state/,
  ],
  "one claim for a DaemonSet": [
    { state: { type: "persistentVolumeClaim" } },
    /several pods would share one claim/,
  ],
  "monitoring without a listener": [
    { listener: { enabled: false }, monitoring: { podMonitor: { enabled: true } } },
    /nothing to scrape while listener\.enabled is false/,
  ],
};

for (const [what, [values, expected]] of Object.entries(BAD)) {
  realTest(`chart refuses ${what}`, ["helm"], async () => {
    const { code, stderr } = await tryTemplate(values);
    assert.notEqual(code, 0);
    assert.match(stderr, expected);
  });
}

const NAMESPACES = ["shop-web", "shop-batch", "other"];
const KINDS: Readonly<Record<string, [resource: string, namespaced: boolean]>> = {
  "v1/ConfigMap": ["/configmaps", true],
  "apps/v1/Deployment": ["apps/deployments", true],
  "v1/Namespace": ["/namespaces", false],
};
const some = <T>(...all: T[]) => fc.subarray(all, { minLength: 1 });
const windows = some({ from: "08:00", to: "09:00", timeZone: "UTC" });
const terms = {
  namespaces: some("shop-web", "shop-*", "other"),
  kinds: some(...Object.keys(KINDS)),
  actions: some("apply", "scale", "restart", "delete"),
  verbs: some("create", "change", "delete"),
  windows,
};
const policies = fc.record({
  allow: fc.array(
    fc.record({ ...terms, name: fc.constant("allow"), clusterScoped: fc.boolean() }, {
      requiredKeys: ["name", "kinds", "actions", "clusterScoped", "namespaces"],
    }),
    { minLength: 1, maxLength: 3 },
  ),
  deny: fc.array(
    fc.record({ ...terms, name: fc.constant("deny") }, { requiredKeys: ["name"] }),
    { maxLength: 2 },
  ),
});
const WHAT_IT_TAKES = {
  create: ["create", "delete", "get", "patch"],
  change: ["get", "patch"],
  delete: ["create", "delete", "get", "patch"],
} as const;

realTest("chart grants what the policy could ever allow, and nothing else", ["helm"], async () => {
  await fc.assert(
    fc.asyncProperty(policies, async (policy) => {
      const values = { policy, rbac: { namespaces: NAMESPACES } };
      const granted = [...rightsOf(await template(values))]
        .filter((right) =>
          Object.values(KINDS).some(([resource]) => right.includes(`|${resource}|`))
        );
      assert.deepEqual(granted.sort(), [...expectedRights(policy)].sort());
    }),
    { numRuns: 40 },
  );
});

/** Asks the connector's own judge about everything, as if windows of allow rules were open and of others shut. */
function expectedRights(given: unknown): Set<string> {
  const policy = PolicySchema.parse({
    apiVersion: "neuralops.io/v1",
    kind: "ExecutionPolicy",
    ...given as object,
  });
  const open = {
    ...policy,
    allow: policy.allow.map(({ windows: _windows, ...rule }) => rule),
    deny: policy.deny.filter((rule) => rule.windows === undefined),
  };
  const rights = new Set<string>();
  for (const [name, [resource, namespaced]] of Object.entries(KINDS)) {
    const [kind, ...version] = name.split("/").reverse();
    const ref = { apiVersion: version.reverse().join("/"), kind: kind!, name: "x" };
    for (const namespace of namespaced ? NAMESPACES : [undefined]) {
      for (
        const [action, verb] of [
          ...[["apply", "create"], ["apply", "change"], ["scale", "change"]] as const,
          ...[["restart", "change"], ["delete", "delete"]] as const,
        ]
      ) {
        const target = { action, verb, ref: { ...ref, ...(namespace ? { namespace } : {}) } };
        const { allowed } = judge(open, { risk: "low", targets: [target], atMs: 0 });
        if (!allowed) continue;
        for (const right of WHAT_IT_TAKES[verb]) {
          rights.add(`${namespace ?? ""}|${resource}|${right}`);
        }
      }
    }
  }
  return rights;
}

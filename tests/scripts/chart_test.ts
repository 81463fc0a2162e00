/** What the chart is rendered to; that the golden files are what it is rendered to, tests/real/chart_test.ts shows. */
import assert from "node:assert/strict";
import { parse, parseAllDocuments } from "yaml";
import { CASES, NAMESPACE } from "../../scripts/chart/renderings.ts";
import { Values } from "../../scripts/chart/values.ts";
import { valuesSchema } from "../../scripts/chart/values_schema.ts";
import { parseConfig } from "../../src/config/load.ts";
import { parsePolicy } from "../../src/core/policy.ts";
import { createMetrics } from "../../src/metrics.ts";
import { goldenObjects, only, podSpecs, type Rendered, rightsOf } from "../fakes/chart_objects.ts";

const USER = `system:serviceaccount:${NAMESPACE}:neuralops-connector`;
const cases = await Promise.all(
  CASES.map(async (name) => [name, await goldenObjects(name)] as const),
);
const objectsOf = (name: typeof CASES[number]) => new Map(cases).get(name)!;

/** What the connector's container gets to see, on a node that is called worker-1. */
function environmentOf(objects: readonly Rendered[]): Record<string, string> {
  return Object.fromEntries(
    podSpecs(objects).flatMap(({ containers }) => containers[0].env ?? []).map((
      { name, value, valueFrom },
    ) => [name, valueFrom?.fieldRef.fieldPath === "spec.nodeName" ? "worker-1" : value]),
  );
}

Deno.test("chart tells the pods of a DaemonSet their nodes' names, and no others", () => {
  for (const [name, objects] of cases) {
    const isDaemonSet = objects.some(({ kind }) => kind === "DaemonSet");
    const expected = isDaemonSet ? "worker-1" : undefined;
    assert.equal(environmentOf(objects)["NEURALOPS_NODE_NAME"], expected, name);
    // The test's pod takes the same configuration, so it needs a name as well.
    for (const { containers } of podSpecs(objects)) {
      const names = (containers[0].env ?? []).map(({ name }: { name: string }) => name);
      assert.equal(names.includes("NEURALOPS_NODE_NAME"), isDaemonSet, name);
    }
  }
});

for (const [name, objects] of cases) {
  Deno.test(`chart ${name} renders a configuration and a policy that the agent takes`, () => {
    const { data } = only(objects, "ConfigMap", "connector");
    const config = parseConfig(
      data!["connector.yaml"]!,
      (key) => environmentOf(objects)[key],
      name,
    );
    assert.equal(config.stateDir, "/var/lib/neuralops-connector");
    assert.equal(config.kubernetes.mode, "inCluster");
    const policy = data!["policy.yaml"];
    assert.equal(policy !== undefined, config.execution.policyFile !== undefined);
    if (policy !== undefined) assert.ok(parsePolicy(policy).allow.length > 0);
  });

  Deno.test(`chart ${name} grants no wildcard, no cluster-admin and no way to more rights`, () => {
    for (const { rules = [], roleRef } of objects) {
      assert.notEqual(roleRef?.name, "cluster-admin");
      for (const { apiGroups, resources, verbs } of rules) {
        for (const word of [...apiGroups, ...resources, ...verbs]) {
          assert.ok(!word.includes("*"), word);
          assert.ok(!["escalate", "bind", "impersonate"].includes(word), word);
        }
      }
    }
  });

  Deno.test(`chart ${name} lets the connector at Secrets of the journal's namespace alone`, () => {
    const journal = only(objects, "Role", "-journal").metadata.namespace;
    const rights = [...rightsOf(objects)].filter((right) => right.includes("|/secrets"));
    assert.deepEqual(new Set(rights.map((right) => right.split("|")[0])), new Set([journal]));
    assert.equal(rights.length, 5);
  });

  Deno.test(`chart ${name} binds rights to its own service account alone`, () => {
    for (const { kind, metadata, ...binding } of objects as (Rendered & { subjects?: unknown })[]) {
      if (!kind.endsWith("Binding") || !binding.roleRef) continue;
      if (/-(approver|vault-token)$/.test(metadata.name)) continue;
      const subject = { kind: "ServiceAccount", name: "neuralops-connector", namespace: NAMESPACE };
      assert.deepEqual(binding.subjects, [subject], metadata.name);
    }
  });

  Deno.test(`chart ${name} keeps to Pod Security restricted`, () => {
    const specs = podSpecs(objects);
    assert.ok(specs.length > 0);
    for (const spec of specs) {
      assert.ok(!spec.hostNetwork && !spec.hostPID && !spec.hostIPC);
      assert.equal(spec.automountServiceAccountToken, false);
      for (const { securityContext, image, resources } of spec.containers) {
        assert.deepEqual(securityContext, {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
          privileged: false,
          readOnlyRootFilesystem: true,
          runAsGroup: 65532,
          runAsNonRoot: true,
          runAsUser: 65532,
          seccompProfile: { type: "RuntimeDefault" },
        });
        assert.match(image, /(:0\.1\.0|@sha256:[0-9a-f]{64})$/);
        assert.ok(resources.requests.memory && resources.limits.memory);
      }
      for (const { name: _name, ...source } of spec.volumes) {
        const [kind] = Object.keys(source);
        const allowed = ["projected", "emptyDir", "ephemeral", "persistentVolumeClaim"];
        assert.ok(allowed.includes(kind!), `${kind}`);
      }
    }
  });
}

Deno.test("chart mounts each file that the configuration names in its folder, secret ones from Secrets", () => {
  const FOLDER = "/etc/neuralops-connector/";
  for (const [name, objects] of cases) {
    const { data } = only(objects, "ConfigMap", "connector");
    const named = data!["connector.yaml"]!.matchAll(
      /File: "?(\/etc\/neuralops-connector\/\S+?)"?$/gm,
    )
      .map(([, path]) => path!.slice(FOLDER.length)).toArray();
    for (const { volumes, containers } of podSpecs(objects)) {
      // deno-lint-ignore no-explicit-any
      const find = (all: any[]) => all.find(({ name }) => name === "neuralops-config");
      assert.equal(find(containers[0].volumeMounts).mountPath + "/", FOLDER);
      const { sources } = find(volumes).projected;
      // deno-lint-ignore no-explicit-any
      const secret = sources.flatMap((source: any) => source.secret?.items ?? [])
        // deno-lint-ignore no-explicit-any
        .map(({ path }: any) => path);
      const there = [...Object.keys(data!), ...secret];
      // deno-lint-ignore no-explicit-any
      const hasWhole = sources.some(({ secret }: any) => secret && !secret.items);
      const missing = named.filter((path) => !there.includes(path));
      assert.ok(missing.length === 0 || hasWhole, `${name}: ${missing}`);
      if (name === "daemonset") {
        assert.ok(named.includes("hash-key") && secret.includes("hash-key"));
      }
    }
  }
});

Deno.test("chart grants exactly what the policy allows, and what a rollback takes", () => {
  const rights = rightsOf(objectsOf("daemonset"));
  const all = ["create", "delete", "get", "patch"];
  const grant = (place: string, resource: string, verbs: readonly string[]) =>
    verbs.map((verb) => `${place}|${resource}|${verb}`);
  assert.deepEqual(
    [...rights].filter((right) => !/journal|neuralops\.io|secrets|leases/.test(right)).sort(),
    [
      ...grant("", "/namespaces[kube-system]", ["get"]),
      ...grant("", "/namespaces", ["get", "patch"]),
      ...["shop-web", "shop-batch"].flatMap((place) => [
        ...grant(place, "apps/deployments", all),
        ...grant(place, "/configmaps", all),
        // Denied to be made, hence none to take back.
        ...grant(place, "/services", ["get", "patch"]),
      ]),
      ...grant("shop-batch", "batch/jobs", all),
      ...grant("shop-web", "example.com/widgets", ["get", "patch"]),
    ].sort(),
  );
  const lease = [...rights].filter((right) => right.includes("leases"));
  assert.deepEqual(
    lease,
    grant(NAMESPACE, "coordination.k8s.io/leases[neuralops-connector]", ["get", "update", "watch"]),
  );
});

Deno.test("chart without a policy grants nothing but the journal, the Lease and the cluster's uid", () => {
  const places = new Set([...rightsOf(objectsOf("minimal"))].map((right) => right.split("|")[0]));
  assert.deepEqual(places, new Set(["", NAMESPACE]));
  assert.equal(objectsOf("minimal").filter(({ kind }) => kind === "Role").length, 2);
});

Deno.test("chart's admission policies are those of docs/examples, for its own service account", async () => {
  const objects = objectsOf("daemonset");
  for (
    const [suffix, example] of [["-lease-fence", "lease-fence"], ["-approvals", "approval-policy"]]
  ) {
    const text = await Deno.readTextFile(`docs/examples/${example}.yaml`);
    const documents = parseAllDocuments(text).map((document) => document.toJS() as Rendered);
    const shipped = documents.find((one) => one?.kind === "ValidatingAdmissionPolicy")!;
    const { spec } = only(objects, "ValidatingAdmissionPolicy", suffix);
    const groups =
      / \|\| \(has\(request\.userInfo\.groups\) && 'neuralops:connectors' in request\.userInfo\.groups\)/g;
    const expected = JSON.parse(
      JSON.stringify(shipped.spec).replaceAll(groups, "")
        .replaceAll(/\((has\(request\.userInfo\.username\) && [^)]*)\)/g, "$1"),
    );
    if (suffix === "-approvals") {
      expected.matchConstraints.namespaceSelector = {
        matchLabels: { "kubernetes.io/metadata.name": NAMESPACE },
      };
    }
    assert.deepEqual(spec, expected);
    assert.ok(JSON.stringify(spec).includes(`== '${USER}'`));
    const binding = only(objects, "ValidatingAdmissionPolicyBinding", suffix);
    assert.deepEqual(binding.spec.validationActions, ["Deny"]);
  }
});

Deno.test("chart keeps tokens to the connector's container, and Vault's to Vault", () => {
  for (const name of ["daemonset", "sidecar"] as const) {
    const [{ volumes, containers, automountServiceAccountToken }] = podSpecs(objectsOf(name));
    assert.equal(automountServiceAccountToken, false);
    assert.equal(containers.length, 1);
    // deno-lint-ignore no-explicit-any
    const tokens = volumes.flatMap(({ name, projected }: any) =>
      // deno-lint-ignore no-explicit-any
      (projected?.sources ?? []).flatMap(({ serviceAccountToken }: any) =>
        serviceAccountToken ? [[name, serviceAccountToken.audience]] : []
      )
    );
    assert.deepEqual(tokens, [
      ["neuralops-kubernetes-token", undefined],
      ["neuralops-vault-token", "vault"],
    ]);
  }
  const [{ volumes }] = podSpecs(objectsOf("deployment"));
  assert.ok(!JSON.stringify(volumes).includes("vault-token"), "appRole needs none");
});

Deno.test("chart's NetworkPolicy opens the ports of the configured peers and the listener's, and no others", () => {
  const portsOf = (name: typeof CASES[number]) => {
    const { spec } = only(objectsOf(name), "NetworkPolicy");
    assert.deepEqual(spec.policyTypes, ["Ingress", "Egress"]);
    // deno-lint-ignore no-explicit-any
    const ports = (rules: any[]) => rules.map(({ ports }) => ports.map((one: any) => one.port));
    return { in: ports(spec.ingress), out: ports(spec.egress), spec };
  };
  const daemonset = portsOf("daemonset");
  assert.deepEqual(daemonset.in, [[8443]]);
  const [names, apiServer, controlPlane] = [[53, 53], [443, 6443], [443]];
  assert.deepEqual(daemonset.out, [names, apiServer, controlPlane, [8200], [9090], [443]]);
  assert.deepEqual(daemonset.spec.egress[3].to, [{ ipBlock: { cidr: "192.0.2.0/24" } }]);
  // Through its proxy, and Vault at the port of https.
  assert.deepEqual(portsOf("deployment").out, [names, apiServer, [3128], [443]]);
});

Deno.test("chart's alerts and dashboard ask for metrics that the connector has", async () => {
  const exposed = await createMetrics().text();
  const known = new Set([...exposed.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
  for (const file of ["alerts.yaml", "dashboard.json"]) {
    const text = await Deno.readTextFile(`helm/connector/${file}`);
    const asked = [...text.matchAll(/neuralops_connector_\w+/g)].map(([name]) => name);
    assert.ok(asked.length > 10);
    for (const name of asked) assert.ok(known.has(name.replace(/_bucket$/, "")), name);
  }
});

Deno.test("values.yaml has every value that the schema knows, and no other", async () => {
  const defaults = parse(await Deno.readTextFile("helm/connector/values.yaml"));
  assert.deepEqual(Values.safeParse(defaults).error?.issues ?? [], []);
  const known = Object.keys(valuesSchema().properties!).filter((key) => key !== "global");
  assert.deepEqual(Object.keys(defaults).sort(), known.sort());
});

Deno.test("values.schema.json refuses unknown keys wherever it knows any", () => {
  const open: string[] = [];
  const visit = (node: unknown, path: string) => {
    if (typeof node !== "object" || node === null) return;
    const { type, properties, additionalProperties } = node as Record<string, unknown>;
    if (type === "object" && properties && additionalProperties !== false) open.push(path);
    for (const [key, inner] of Object.entries(node)) visit(inner, `${path}/${key}`);
  };
  visit(valuesSchema(), "");
  assert.deepEqual(open, []);
});

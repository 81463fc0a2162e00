/** What the chart renders in any mode, as real API servers see it, with the definitions of the other operators. */
import assert from "node:assert/strict";
import { CASES, goldenPath } from "../../scripts/chart/renderings.ts";
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";
import { goldenObjects } from "../fakes/chart_objects.ts";
import { withFile } from "./chart.ts";
import { kubectl, tryKubectl } from "./kubectl.ts";
import { KUBERNETES, runningOf } from "./kubernetes_peers.ts";
import { programOf, realTest } from "./peers.ts";

const THEIRS = /^(cert-manager\.io|monitoring\.coreos\.com)\//;

const cases = await Promise.all(CASES.map(goldenObjects));

for (const peer of KUBERNETES) {
  const needs = [peer, "kubectl", "definitions"];

  realTest(`chart renders nothing that the API server does not know (${peer})`, needs, async () => {
    const cluster = runningOf(peer);
    const places = cases.flat().flatMap(({ metadata }) => metadata.namespace ?? []);
    await withNamespaces(cluster, new Set(places), async () => {
      const definitions = programOf("definitions");
      await kubectl(cluster, "apply", "--server-side", "-f", definitions);
      try {
        await kubectl(cluster, "wait", "--for=condition=Established", "-f", definitions);
        for (const name of CASES) {
          const { code, stderr } = await dryRun(cluster, goldenPath(name));
          assert.equal(code, 0, `${name}: ${stderr}`);
        }
        await assertStrict(cluster);
      } finally {
        await kubectl(cluster, "delete", "-f", definitions);
      }
    });
  });
}

/** Or the test above would show little. */
async function assertStrict(cluster: RunningKubernetes): Promise<void> {
  const theirs = cases.flat().filter(({ apiVersion }) => THEIRS.test(apiVersion));
  const kinds = new Map(theirs.map((object) => [object.kind, object]));
  assert.equal(kinds.size, 5);
  for (const [kind, { spec, ...object }] of kinds) {
    const changed = JSON.stringify({ ...object, spec: { ...spec, nothing: 1 } });
    await withFile("changed.json", changed, async (path) => {
      assert.match((await dryRun(cluster, path)).stderr, /unknown field|not declared/, kind);
    });
  }
}

async function dryRun(cluster: RunningKubernetes, path: string) {
  const how = ["--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"];
  return await tryKubectl(cluster, "admin", "apply", ...how, "-f", path);
}

/** Those that are not there, for the length of `work`. */
async function withNamespaces(
  cluster: RunningKubernetes,
  names: ReadonlySet<string>,
  work: () => Promise<void>,
): Promise<void> {
  const made: string[] = [];
  try {
    for (const name of names) {
      if ((await tryKubectl(cluster, "admin", "create", "namespace", name)).code === 0) {
        made.push(name);
      }
    }
    await work();
  } finally {
    for (const name of made) await kubectl(cluster, "delete", "namespace", name, "--wait=false");
  }
}

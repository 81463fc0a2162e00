/** What the chart writes for cert-manager and the Prometheus operator, by their own definitions. */
import assert from "node:assert/strict";
import { goldenObjects, type Rendered } from "../fakes/chart_objects.ts";
import { withFile } from "./chart.ts";
import { kubectl, tryKubectl } from "./kubectl.ts";
import { KUBERNETES, runningOf } from "./kubernetes_peers.ts";
import { programOf, realTest } from "./peers.ts";

const THEIRS = /^(cert-manager\.io|monitoring\.coreos\.com)\//;
const KINDS = ["Certificate", "Issuer", "PodMonitor", "PrometheusRule", "ServiceMonitor"];

for (const peer of KUBERNETES) {
  realTest(`chart's objects for other operators are as these define them (${peer})`, [
    peer,
    "kubectl",
    "definitions",
  ], async () => {
    const cluster = runningOf(peer);
    const definitions = programOf("definitions");
    const objects = (await Promise.all(["daemonset", "deployment", "single"].map(goldenObjects)))
      .flat().filter(({ apiVersion }) => THEIRS.test(apiVersion));
    assert.deepEqual([...new Set(objects.map(({ kind }) => kind))].sort(), KINDS);
    await kubectl(cluster, "apply", "--server-side", "-f", definitions);
    try {
      await kubectl(cluster, "wait", "--for=condition=Established", "-f", definitions);
      const apply = async (object: Rendered) =>
        await withFile("object.json", JSON.stringify(object), (path) =>
          tryKubectl(
            cluster,
            "admin",
            ...["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", path],
          ));
      for (const object of objects) {
        const { code, stderr } = await apply(object);
        assert.equal(code, 0, stderr);
        const { code: refused } = await apply({ ...object, spec: { ...object.spec, nothing: 1 } });
        assert.equal(refused, 1, `${object.kind} with an unknown field`);
      }
    } finally {
      await kubectl(cluster, "delete", "-f", definitions);
    }
  });
}

/** What standbys ask of a real API server, which is the whole of their cost: `deno task bench:standbys` has a thousand. */
import assert from "node:assert/strict";
import { Crowd } from "../../scripts/bench/standby_crowd.ts";
import { NAMESPACE } from "../../scripts/testbed/services/kubernetes_setup.ts";
import { poll } from "../contract/contract.ts";
import { kubectl } from "./kubectl.ts";
import { realTest, testbed } from "./peers.ts";

const LIMIT_MS = 30_000;
const STANDBYS = 50;
const RENEWALS = 10;
const TIMES = { leaseDurationMs: 3000, renewDeadlineMs: 2000, retryPeriodMs: 500 };

realTest("standbys ask for nothing but their watches while the leader renews, and one takes over", [
  "Kubernetes",
  "kubectl",
], async () => {
  const cluster = testbed.kubernetes!;
  const lease = { namespace: NAMESPACE, name: `standbys-${crypto.randomUUID().slice(0, 8)}` };
  const kubeconfig = `./${cluster.folder}/token.kubeconfig`;
  const open = (prefix: string, count: number) =>
    Crowd.open({ kubeconfig, lease, prefix, count, times: TIMES, isLongRunning: false });
  const leader = await open("leader", 1);
  const crowds = [leader];
  try {
    await poll("the first one leads", LIMIT_MS, () => Promise.resolve(leader.leaders === 1));
    const standbys = await open("standby", STANDBYS);
    crowds.push(standbys);
    const { calls } = standbys;
    await poll("all of them watch", LIMIT_MS, () => Promise.resolve(calls.watches === STANDBYS));
    const [before, renewed] = [{ ...calls }, leader.calls.writes];
    await poll(
      "the Lease is renewed",
      LIMIT_MS,
      () => Promise.resolve(leader.calls.writes >= renewed + RENEWALS),
    );
    assert.deepEqual(calls, before);
    assert.deepEqual([standbys.following, standbys.leaders], [STANDBYS, 0]);
    await leader.stopLeader();
    await poll("another leads", LIMIT_MS, () => Promise.resolve(standbys.leaders === 1));
    assert.ok(calls.conflicts < STANDBYS, `${calls.conflicts} came second`);
    assert.equal(calls.failures, 0);
  } finally {
    for (const crowd of crowds) await crowd.close();
    await kubectl(cluster, "delete", "lease", "-n", lease.namespace, lease.name);
  }
});

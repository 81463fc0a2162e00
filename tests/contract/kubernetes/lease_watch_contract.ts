/** The connector's own view of a Lease that others change. */
import assert from "node:assert/strict";
import { KubernetesApi } from "../../../src/adapters/kubernetes/api.ts";
import { KubernetesLease } from "../../../src/adapters/kubernetes/lease.ts";
import { takenBy } from "../../../src/core/lease_record.ts";
import type { StoredLease } from "../../../src/loops/leadership.ts";
import { systemRuntime } from "../../../src/runtime_deno.ts";
import type { Contract, Ground } from "./target.ts";

const TIMEOUT_MS = 10_000;
const WATCH_MS = 60_000;
const runtime = systemRuntime();
const recordOf = (holder: string, before: StoredLease | null = null) =>
  takenBy(holder, before?.record ?? null, 15_000, Date.now());

async function withLease(
  { target, namespace }: Ground,
  work: (lease: KubernetesLease) => Promise<void>,
): Promise<void> {
  const { url, caPem, admin: { token, certPem, keyPem } } = target;
  const api = new KubernetesApi(runtime, {
    baseUrl: url,
    caPem,
    ...(certPem && keyPem ? { certPem, keyPem } : {}),
    token: () => Promise.resolve(token ?? ""),
    forgetToken: () => {},
  });
  try {
    await work(new KubernetesLease(api, runtime.clock, { namespace, name: "leader" }));
  } finally {
    api.close();
  }
}

export const leaseWatchContract: Contract = {
  "a watch of the Lease tells each renewal, that it was deleted, and made anew": (ground) =>
    withLease(ground, async (lease) => {
      const path = ground.in("coordination.k8s.io/v1/leases");
      const made = (await lease.write(recordOf("a"), null, TIMEOUT_MS))!;
      const leaving = new AbortController();
      const states = lease.watch(made.version, WATCH_MS, leaving.signal);
      const renewed = (await lease.write(recordOf("a", made), made, TIMEOUT_MS))!;
      assert.deepEqual((await states.next()).value, renewed);
      const taken = (await lease.write(recordOf("b", renewed), renewed, TIMEOUT_MS))!;
      assert.deepEqual((await states.next()).value, taken);
      const unrelated = { ...taken.object, metadata: { name: "unrelated" } };
      assert.equal((await ground.call("POST", path, { body: unrelated })).status, 201);
      await ground.call("DELETE", `${path}/leader`);
      assert.equal((await states.next()).value, null);
      const again = (await lease.write(recordOf("c"), null, TIMEOUT_MS))!;
      assert.deepEqual((await states.next()).value, again);
      const pending = states.next();
      leaving.abort(new DOMException("left", "AbortError"));
      await assert.rejects(pending, { name: "AbortError" });
    }),

  "a watch from a version that the server has forgotten ends without an error": (ground) =>
    withLease(ground, async (lease) => {
      await lease.write(recordOf("a"), null, TIMEOUT_MS);
      ground.target.forget();
      const states = lease.watch("1", WATCH_MS, new AbortController().signal);
      assert.deepEqual(await states.next(), { done: true, value: undefined });
    }),

  "a watch of the Lease ends when its time is over": (ground) =>
    withLease(ground, async (lease) => {
      const made = (await lease.write(recordOf("a"), null, TIMEOUT_MS))!;
      const states = lease.watch(made.version, 1000, new AbortController().signal);
      assert.deepEqual(await states.next(), { done: true, value: undefined });
    }),
};

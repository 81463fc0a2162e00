/** What the tests of the journal in a cluster share. */
import assert from "node:assert/strict";
import type { JournalApi } from "../../../src/adapters/kubernetes/journal/store.ts";
import { encodeBase64 } from "../../../src/core/encoding.ts";
import type { Preimage } from "../../../src/core/execution.ts";
import { sealPlan } from "../../../src/core/plan.ts";
import { ConnectorError, TransientError } from "../../../src/errors.ts";
import { type ClusterFixture, withCluster } from "../../fakes/kubernetes_cluster.ts";
import {
  installDefinition,
  journalOn,
  NAMESPACE,
  type OpenedFake,
} from "../../fakes/kubernetes_journal.ts";

export const WPX = ["neuralops.io/v1", "WorkPackageExecution", NAMESPACE] as const;
export const secretsOf = ({ kubernetes }: ClusterFixture, holds: string) =>
  kubernetes.store.list("v1", "Secret", NAMESPACE)
    .filter(({ metadata }) => metadata.labels?.["neuralops.io/holds"] === holds);

export async function withJournal(
  work: (fixture: ClusterFixture, first: OpenedFake) => Promise<void>,
): Promise<void> {
  await withCluster(async (fixture) => {
    await installDefinition(fixture.kubernetes);
    const first = journalOn(fixture.api);
    assert.deepEqual(await first.journal.open(), { open: [], heads: new Map() });
    await work(fixture, first);
  });
}

export async function refuses(work: Promise<unknown>, code: string, text = ""): Promise<void> {
  await assert.rejects(work, (error: ConnectorError) => {
    assert.ok(error instanceof ConnectorError, String(error));
    assert.equal(error.code, code, error.message);
    assert.ok(`${error.message} ${error.hint}`.includes(text), `${error.message} ${error.hint}`);
    return true;
  });
}

export const EVERYTHING = {
  endedBeforeMs: Infinity,
  nowMs: Infinity,
  limit: 10,
  beforeRemoval: () => Promise.resolve(),
};

export const planOf = (value: string) =>
  sealPlan("sha256:1", [{
    action: "apply",
    verb: "change",
    ref: { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" },
    uid: "u-1",
    changes: [{ path: "spec.replicas", from: 2, to: value }, { path: "spec.paused", to: true }],
    warnings: ["old"],
  }], 1_790_000_000_000);

export const preimage = (name: string, data: string): Preimage => ({
  ref: { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name },
  before: {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "shop" },
    data: { data },
  },
});

export function noise(bytes: number): string {
  const random = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) {
    crypto.getRandomValues(random.subarray(at, at + 65_536));
  }
  return encodeBase64(random);
}

/** Lets the request through, and loses its answer. */
export function losingAnswer(api: JournalApi, lose: (method: string) => boolean): JournalApi {
  return {
    find: (request) => api.find(request),
    async request(request) {
      const answer = await api.request(request);
      if (lose(request.method)) throw new TransientError("timeout", "no answer");
      return answer;
    },
  };
}

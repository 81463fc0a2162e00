/** The cluster becomes known, keeps its standing, and sends its pulse. */
import { hostname } from "node:os";
import { demand } from "../scorecard.ts";
import type { Stage } from "../stage.ts";
import { HEARTBEAT_SECONDS } from "../world.ts";

/** Less than two intervals: none was left out. The agent itself adds ±10 % of jitter. */
const ALLOWED_LATENESS = 1.9;

export async function registration(stage: Stage): Promise<void> {
  const { world, scorecard } = stage;
  const { controlPlane, kubernetes, vault } = world;
  const kubeSystem = { apiVersion: "v1", kind: "Namespace", name: "kube-system" };
  await scorecard.check("cluster registered (200) with a Vault-signed identity", async () => {
    const stored = await stage.until("the registration", () => controlPlane.registrations[0]);
    // The control plane has checked the token with the keys that it fetched from this Vault.
    return `cluster ${stored.clusterId}, ${vault.identity.issuer} says entity ${stored.entity}`;
  });
  await scorecard.check("registration names the cluster: hostname, UID, labels", async () => {
    const { cluster } = controlPlane.registrations[0]!.request;
    const uid = (await kubernetes.get(kubeSystem))?.metadata.uid;
    demand(cluster.uid === uid, `UID ${cluster.uid} is not kube-system's ${uid}`);
    demand(cluster.hostname === hostname(), `hostname ${cluster.hostname}`);
    demand(cluster.labels.region === "loopback", "labels are missing");
    return `${cluster.kind} ${cluster.versions.kubernetes}, UID ${cluster.uid}`;
  });
}

export async function renewal(stage: Stage): Promise<void> {
  const { world, scorecard, narrator } = stage;
  const { controlPlane } = world;
  await scorecard.check("a revoked access token leads to one new registration", async () => {
    const before = controlPlane.registrations.length;
    narrator.tell("the control plane revokes every access token");
    await controlPlane.revokeTokens();
    const beats = controlPlane.heartbeats.length;
    await stage.until("a heartbeat after it", () => controlPlane.heartbeats.length > beats + 1);
    const renewed = controlPlane.registrations.length - before;
    demand(renewed === 1, `${renewed} registrations instead of one`);
    return "401, registered again, heartbeat accepted";
  });
}

/** @param outages times on the monotonic clock in which no heartbeat could arrive */
export function heartbeats(
  { world, scorecard }: Stage,
  outages: readonly (readonly [from: number, to: number])[],
): Promise<void> {
  return scorecard.check("heartbeats on time", () => {
    const times = world.controlPlane.heartbeats.map((beat) => beat.receivedMonotonicMs);
    demand(times.length >= 10, `only ${times.length} heartbeats`);
    const limitMs = HEARTBEAT_SECONDS * 1000 * ALLOWED_LATENESS;
    let longest = 0;
    for (const [index, time] of times.slice(1).entries()) {
      const from = times[index]!;
      const isDisturbed = outages.some(([start, end]) => from < end && time > start);
      if (!isDisturbed) longest = Math.max(longest, time - from);
    }
    demand(longest <= limitMs, `${Math.round(longest)} ms between two, at most ${limitMs} allowed`);
    const last = world.controlPlane.heartbeats.at(-1)!.heartbeat;
    demand(last.audit !== null, "the heartbeat carries no audit checkpoint");
    return `${times.length} every ${HEARTBEAT_SECONDS} s, longest pause ${
      Math.round(longest)
    } ms, checkpoint at record ${last.audit.size}`;
  });
}

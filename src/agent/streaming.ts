/** The metrics side: from the configured Prometheus to the control plane, or to a remote-write receiver. */
import { CursorFiles } from "../adapters/cursor_file.ts";
import { GapFiles } from "../adapters/gap_file.ts";
import { PrometheusSource } from "../adapters/prometheus.ts";
import { QuarantineFolder } from "../adapters/quarantine_folder.ts";
import { SignalsStreamer } from "../loops/signals.ts";
import type { SignalsDeps } from "../loops/signals_ports.ts";
import type { Control, Standing } from "./control.ts";
import type { Foundation } from "./foundation.ts";
import { labelHashOf } from "./label_hash.ts";
import { type NodeStreaming, streamingOfNode } from "./node_streaming.ts";
import { openPrometheus, SECTION } from "./prometheus_peer.ts";
import { clientRenewal } from "./renewals.ts";
import type { Loop } from "./run_together.ts";
import type { CursorKeeping } from "./shared_cursors.ts";

export interface Streaming {
  /** Of the whole cluster: for whoever stands for it. */
  readonly streamer: SignalsStreamer;
  /** Of this agent's node: for every agent, whoever leads. null without queries with scope node. */
  readonly ofNode: NodeStreaming | null;
  /** Take up client certificates that were renewed on the disk. */
  readonly renewals: readonly Loop[];
  /** Beside the streamer, while it runs; null where nobody takes over. */
  readonly share: Loop | null;
  close(): void;
}

/**
 * null without a Prometheus in the configuration.
 * @param isOneOfMany whether other agents stand for the same cluster
 */
export async function prepareStreaming(
  foundation: Foundation,
  control: Control,
  { cursors, share }: CursorKeeping,
  isOneOfMany: boolean,
): Promise<Streaming | null> {
  const { config, runtime, key, mask, log, metrics, health, audit } = foundation;
  const { files, clock, random } = runtime;
  const { prometheus } = config;
  if (!prometheus) return null;
  // Begun before the files are read, so that no change falls between.
  const renewal = await clientRenewal(foundation, SECTION, prometheus);
  const peer = await openPrometheus(runtime, prometheus, mask);
  const source = new PrometheusSource(peer, files, prometheus, mask, random);
  const receiver = config.signals.sink === "remoteWrite"
    ? await (await import("./remote_writing.ts")).prepareRemoteWriting(foundation, share !== null)
    : null;
  const hashing = await labelHashOf(config.signals, files, key);
  const streamer = (
    { session, controlPlane }: Standing,
    folder: string,
    special:
      & Pick<SignalsDeps, "config" | "node" | "part" | "maxConcurrent">
      & Partial<Pick<SignalsDeps, "cursors">>,
  ) =>
    new SignalsStreamer({
      clusterId: () => session.identity()?.clusterId ?? "",
      source,
      sink: receiver?.sinkIn(folder) ?? controlPlane,
      cursors: new CursorFiles(files, folder),
      gaps: new GapFiles(files, folder),
      quarantine: new QuarantineFolder(files, folder),
      clock,
      random,
      log,
      health,
      metrics,
      audit,
      ...hashing,
      ...special,
    });
  const queries = config.signals.queries.filter(({ scope }) => scope !== "node");
  return {
    streamer: streamer(control, config.stateDir, {
      config: { ...config.signals, queries },
      cursors,
    }),
    share,
    ofNode: streamingOfNode(config, control, isOneOfMany, streamer),
    renewals: [renewal(peer), ...(receiver ? [receiver.renewal] : [])],
    close: () => {
      peer.close();
      receiver?.close();
    },
  };
}

/** The metrics side: from the configured Prometheus to the control plane, or to a remote-write receiver. */
import { GapFiles } from "../adapters/gap_file.ts";
import { Peer } from "../adapters/peer.ts";
import { PrometheusSource } from "../adapters/prometheus.ts";
import { QuarantineFolder } from "../adapters/quarantine_folder.ts";
import { SignalsStreamer } from "../loops/signals.ts";
import type { Control } from "./control.ts";
import type { Foundation } from "./foundation.ts";
import { readCa } from "./read_files.ts";
import type { Loop } from "./run_together.ts";
import type { CursorKeeping } from "./shared_cursors.ts";

export interface Streaming {
  readonly streamer: SignalsStreamer;
  /** Beside the streamer, while it runs; null where nobody takes over. */
  readonly share: Loop | null;
  close(): void;
}

/** null without a Prometheus in the configuration. */
export async function prepareStreaming(
  foundation: Foundation,
  control: Control,
  { cursors, share }: CursorKeeping,
): Promise<Streaming | null> {
  const { config, runtime, mask, log, metrics, health, audit } = foundation;
  const { files, clock, random } = runtime;
  const { prometheus } = config;
  if (!prometheus) return null;
  const peer = new Peer(runtime, {
    name: "Prometheus",
    baseUrl: prometheus.url,
    timeoutMs: prometheus.timeout,
    maxResponseBytes: prometheus.maxResponseBytes,
    ...await readCa(files, "prometheus.caFile", prometheus.caFile),
  });
  const receiver = config.signals.sink === "remoteWrite"
    ? await (await import("./remote_writing.ts")).prepareRemoteWriting(foundation, share !== null)
    : null;
  const streamer = new SignalsStreamer({
    config: config.signals,
    clusterId: () => control.session.identity()?.clusterId ?? "",
    source: new PrometheusSource(peer, files, prometheus, mask, random),
    sink: receiver?.sink ?? control.controlPlane,
    cursors,
    gaps: new GapFiles(files, config.stateDir),
    quarantine: new QuarantineFolder(files, config.stateDir),
    clock,
    random,
    log,
    health,
    metrics,
    audit,
  });
  return {
    streamer,
    share,
    close: () => {
      peer.close();
      receiver?.close();
    },
  };
}

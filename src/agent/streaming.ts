/** The metrics side: from the configured Prometheus to the control plane. */
import { CursorFiles } from "../adapters/cursor_file.ts";
import { GapFiles } from "../adapters/gap_file.ts";
import { Peer } from "../adapters/peer.ts";
import { PrometheusSource } from "../adapters/prometheus.ts";
import { QuarantineFolder } from "../adapters/quarantine_folder.ts";
import { SignalsStreamer } from "../loops/signals.ts";
import type { Control } from "./control.ts";
import type { Foundation } from "./foundation.ts";
import { readCa } from "./read_files.ts";

export interface Streaming {
  readonly streamer: SignalsStreamer;
  close(): void;
}

/** null without a Prometheus in the configuration. */
export async function prepareStreaming(
  foundation: Foundation,
  control: Control,
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
  const streamer = new SignalsStreamer({
    config: config.signals,
    clusterId: () => control.session.identity()?.clusterId ?? "",
    source: new PrometheusSource(peer, files, prometheus, mask, random),
    sink: control.controlPlane,
    cursors: new CursorFiles(files, config.stateDir),
    gaps: new GapFiles(files, config.stateDir),
    quarantine: new QuarantineFolder(files, config.stateDir),
    clock,
    random,
    log,
    health,
    metrics,
    audit,
  });
  return { streamer, close: () => peer.close() };
}

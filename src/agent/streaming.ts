/** The metrics side: from the configured Prometheus to the control plane. */
import { CursorFiles } from "../adapters/cursor_file.ts";
import { GapFiles } from "../adapters/gap_file.ts";
import { Peer } from "../adapters/peer.ts";
import { PrometheusSource } from "../adapters/prometheus.ts";
import { QuarantineFolder } from "../adapters/quarantine_folder.ts";
import { SignalsStreamer } from "../loops/signals.ts";
import { readClient } from "./client_files.ts";
import type { Control } from "./control.ts";
import type { Foundation } from "./foundation.ts";
import { clientRenewal } from "./renewals.ts";
import type { Loop } from "./run_together.ts";

const SECTION = "prometheus";

export interface Streaming {
  readonly streamer: SignalsStreamer;
  /** Takes up a client certificate that was renewed on the disk. */
  readonly renewal: Loop;
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
  // Begun before the files are read, so that no change falls between.
  const renewal = await clientRenewal(foundation, SECTION, prometheus);
  const peer = new Peer(runtime, {
    name: "Prometheus",
    section: SECTION,
    baseUrl: prometheus.url,
    timeoutMs: prometheus.timeout,
    maxResponseBytes: prometheus.maxResponseBytes,
    ...await readClient(files, SECTION, prometheus, mask),
  });
  const streamer = new SignalsStreamer({
    config: config.signals,
    clusterId: () => control.session.identity()?.clusterId ?? "",
    source: new PrometheusSource(peer, files, prometheus, mask),
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
  return { streamer, renewal: renewal(peer), close: () => peer.close() };
}

/** Prometheus as its section of the configuration says that it is reached: the same for all who ask it. */
import { Peer } from "../adapters/peer.ts";
import type { Config } from "../config/schema.ts";
import type { SecretMask } from "../log.ts";
import type { Runtime } from "../runtime.ts";
import { readClient } from "./client_files.ts";

export const SECTION = "prometheus";

/** The caller closes it. Throws StalledError `config_invalid` on files that cannot be used. */
export async function openPrometheus(
  runtime: Runtime,
  prometheus: NonNullable<Config["prometheus"]>,
  mask: SecretMask,
): Promise<Peer> {
  return new Peer(runtime, {
    name: "Prometheus",
    section: SECTION,
    baseUrl: prometheus.url,
    timeoutMs: prometheus.timeout,
    maxResponseBytes: prometheus.maxResponseBytes,
    ...await readClient(runtime.files, SECTION, prometheus, mask),
  });
}

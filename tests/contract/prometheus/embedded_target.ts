/** The embedded Prometheus as a target of the contract. */
import { createPki } from "../../../src/embedded/pki.ts";
import { startPrometheus } from "../../../src/embedded/prometheus.ts";
import { systemClock } from "../../../src/runtime_deno.ts";
import type { PrometheusTarget } from "./target.ts";

export async function openEmbeddedPrometheus(maxSamples?: number): Promise<PrometheusTarget> {
  const pki = await createPki();
  const prometheus = await startPrometheus({ pki, clock: systemClock() });
  if (maxSamples !== undefined) prometheus.settings.maxSamples = maxSamples;
  return {
    url: prometheus.url,
    caPem: pki.caPem,
    limited: openEmbeddedPrometheus,
    [Symbol.asyncDispose]: () => prometheus.close(),
  };
}

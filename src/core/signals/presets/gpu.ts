/** GPUs of NVIDIA, as its DCGM exporter shows them by default; one series for each GPU, or part of one (MIG). */
import type { Preset, PresetQuery } from "./preset.ts";

const PER_GPU = "by (Hostname, gpu, GPU_I_ID)";

export const GPU: Preset = {
  step: 15_000,
  about: "use, memory, heat, power and faults of each GPU",
  queries: [
    gauge("utilisation", "utilisation", "DCGM_FI_DEV_GPU_UTIL"),
    gauge("engine-active", "utilisation", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
    gauge("tensor-active", "utilisation", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
    gauge("memory-active", "utilisation", "DCGM_FI_PROF_DRAM_ACTIVE"),
    query(
      "memory-usage",
      "saturation",
      `max ${PER_GPU} (DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE))`,
    ),
    gauge("temperature", "saturation", "DCGM_FI_DEV_GPU_TEMP"),
    gauge("memory-temperature", "saturation", "DCGM_FI_DEV_MEMORY_TEMP"),
    gauge("power", "utilisation", "DCGM_FI_DEV_POWER_USAGE"),
    gauge("clock", "utilisation", "DCGM_FI_DEV_SM_CLOCK"),
    gauge("xid-error", "errors", "DCGM_FI_DEV_XID_ERRORS"),
    gauge("row-remap-failure", "errors", "DCGM_FI_DEV_ROW_REMAP_FAILURE"),
    counter("uncorrectable-remapped-rows", "errors", "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"),
    counter("pcie-replays", "errors", "DCGM_FI_DEV_PCIE_REPLAY_COUNTER"),
    query(
      "pcie-traffic",
      "traffic",
      `max ${PER_GPU} (DCGM_FI_PROF_PCIE_RX_BYTES + DCGM_FI_PROF_PCIE_TX_BYTES)`,
    ),
    gauge("nvlink-bandwidth", "traffic", "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"),
  ],
};

function gauge(name: string, signal: PresetQuery["signal"], metric: string): PresetQuery {
  return query(name, signal, `max ${PER_GPU} (${metric})`);
}

function counter(name: string, signal: PresetQuery["signal"], metric: string): PresetQuery {
  return query(name, signal, `max ${PER_GPU} (increase(${metric}[5m]))`);
}

function query(name: string, signal: PresetQuery["signal"], expr: string): PresetQuery {
  return { name, signal, from: "DCGM exporter", expr };
}

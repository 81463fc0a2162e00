/** Whether the control plane and Prometheus answer over TLS that is trusted here. */
import { Peer } from "../../adapters/peer.ts";
import { readCa } from "../read_files.ts";
import { type Check, type DoctorParts, type Finding, found } from "./check.ts";

const MAX_ANSWER_BYTES = 1 << 20;

async function ask(
  { runtime }: DoctorParts,
  peer: { name: string; baseUrl: string; timeoutMs: number; caPem?: string; proxy?: string },
  path: string,
  signal: AbortSignal,
): Promise<number> {
  const dialer = new Peer(runtime, { ...peer, maxResponseBytes: MAX_ANSWER_BYTES });
  try {
    return (await dialer.send({ method: "GET", path, signal })).status;
  } finally {
    dialer.close();
  }
}

export const controlPlane: Check = {
  name: "control plane",
  async run(parts, signal): Promise<Finding[]> {
    const { url: baseUrl, timeout, caFile, proxy } = parts.config.controlPlane;
    const ca = await readCa(parts.runtime.files, "controlPlane.caFile", caFile);
    const peer = {
      name: this.name,
      baseUrl,
      timeoutMs: timeout,
      ...ca,
      ...(proxy ? { proxy } : {}),
    };
    const status = await ask(parts, peer, "/", signal);
    if (status < 500) return [found(this.name, "ok", `${baseUrl} answers (${status})`)];
    return [found(this.name, "warn", `${baseUrl} answers ${status}`, "ask who runs it")];
  },
};

export const prometheus: Check = {
  name: "prometheus",
  async run(parts, signal): Promise<Finding[]> {
    const { prometheus } = parts.config;
    if (!prometheus) return [found(this.name, "skip", "no prometheus section")];
    const { url: baseUrl, timeout, caFile } = prometheus;
    const ca = await readCa(parts.runtime.files, "prometheus.caFile", caFile);
    const status = await ask(
      parts,
      { name: "Prometheus", baseUrl, timeoutMs: timeout, ...ca },
      "/-/ready",
      signal,
    );
    // Behind a proxy, or in a server that only speaks its language, this path may be another's.
    if (status < 500) {
      return [
        found(
          this.name,
          status === 200 ? "ok" : "warn",
          `${baseUrl} answers ${status} on /-/ready`,
        ),
      ];
    }
    return [
      found(
        this.name,
        "fail",
        `${baseUrl} answers ${status} on /-/ready`,
        "wait until it has started, or look at its log",
      ),
    ];
  },
};

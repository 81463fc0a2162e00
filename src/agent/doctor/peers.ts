/** Whether the control plane and Prometheus answer over TLS that is trusted here. */
import { Peer } from "../../adapters/peer.ts";
import { openPrometheus } from "../prometheus_peer.ts";
import { readCa } from "../read_files.ts";
import { type Check, type Finding, found } from "./check.ts";

const MAX_ANSWER_BYTES = 1 << 20;

/** The status. Closes the peer. */
async function ask(peer: Peer, path: string, signal: AbortSignal): Promise<number> {
  try {
    const answer = await peer.send({
      method: "GET",
      path,
      maxResponseBytes: MAX_ANSWER_BYTES,
      signal,
    });
    return answer.status;
  } finally {
    peer.close();
  }
}

export const controlPlane: Check = {
  name: "control plane",
  async run(parts, signal): Promise<Finding[]> {
    const { url: baseUrl, timeout, caFile, proxy } = parts.config.controlPlane;
    const ca = await readCa(parts.runtime.files, "controlPlane.caFile", caFile);
    const peer = new Peer(parts.runtime, {
      name: this.name,
      baseUrl,
      timeoutMs: timeout,
      maxResponseBytes: MAX_ANSWER_BYTES,
      ...ca,
      ...(proxy ? { proxy } : {}),
    });
    const status = await ask(peer, "/", signal);
    if (status < 500) return [found(this.name, "ok", `${baseUrl} answers (${status})`)];
    return [found(this.name, "warn", `${baseUrl} answers ${status}`, "ask who runs it")];
  },
};

export const prometheus: Check = {
  name: "prometheus",
  async run(parts, signal): Promise<Finding[]> {
    const { prometheus } = parts.config;
    if (!prometheus) return [found(this.name, "skip", "no prometheus section")];
    const { url: baseUrl } = prometheus;
    const peer = await openPrometheus(parts.runtime, prometheus, parts.mask);
    const status = await ask(peer, "/-/ready", signal);
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

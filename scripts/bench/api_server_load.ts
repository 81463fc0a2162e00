/** What an API server says of its own load: its counts of requests, its processor time and memory. */
import { loadCredentials } from "../../src/adapters/kubernetes/credentials.ts";
import { SecretMask } from "../../src/log.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";

export interface Load {
  readonly atMs: number;
  /** Requests for Leases so far, by verb. A watch is counted when it ends. */
  readonly requests: ReadonlyMap<string, number>;
  /** Of Leases, open now. */
  readonly watches: number;
  readonly cpuSeconds: number;
  readonly rssMiB: number;
}

export class ApiServerLoad {
  private constructor(
    private readonly url: string,
    private readonly client: {
      fetch(url: string, init: RequestInit): Promise<Response>;
      close(): void;
    },
  ) {}

  /** @param kubeconfig of someone who may read `/metrics` */
  static async open(kubeconfig: string): Promise<ApiServerLoad> {
    const { files, clock, http } = systemRuntime();
    const { baseUrl, ...tls } = await loadCredentials(
      { mode: "kubeconfig", kubeconfig },
      { files, clock, mask: new SecretMask(), env: () => undefined },
    );
    return new ApiServerLoad(baseUrl, http.client(tls));
  }

  async read(): Promise<Load> {
    const response = await this.client.fetch(`${this.url}/metrics`, {});
    const text = await response.text();
    if (!response.ok) throw new Error(`GET /metrics: ${response.status} ${text}`);
    return { atMs: Date.now(), ...parseLoad(text) };
  }

  close(): void {
    this.client.close();
  }
}

/** Pure. @param text in Prometheus' text format */
export function parseLoad(text: string): Omit<Load, "atMs"> {
  const requests = new Map<string, number>();
  let [watches, cpuSeconds, rssMiB] = [0, 0, 0];
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const isOfLeases = labels.includes('resource="leases"');
    const verb = /verb="(\w+)"/.exec(labels)?.[1] ?? "";
    if (name === "apiserver_request_total" && isOfLeases) {
      requests.set(verb, (requests.get(verb) ?? 0) + Number(value));
    } else if (name === "apiserver_longrunning_requests" && isOfLeases && verb === "WATCH") {
      watches += Number(value);
    } else if (name === "process_cpu_seconds_total") cpuSeconds = Number(value);
    else if (name === "process_resident_memory_bytes") rssMiB = Number(value) / 2 ** 20;
  }
  return { requests, watches, cpuSeconds, rssMiB };
}

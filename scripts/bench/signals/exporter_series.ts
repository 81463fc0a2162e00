/**
 * 20,000 series on 51 targets, as an exporter writes them: 46 % constants, 37 % rising counters, 8 %
 * counters that rest, 9 % gauges that move all the time. Every sample is a function of its series and of
 * time, so that whoever scrapes at the same time gets the same. Pure.
 */

export const TARGETS = 51;
export const SERIES = 20_000;

type Kind = "constant" | "rising" | "resting" | "moving";

interface Family {
  readonly name: string;
  readonly kind: Kind;
  /** Of a hundred series. */
  readonly share: number;
  /** Value with digits after the point, as CPU seconds have them. */
  readonly digits: number;
}

export const FAMILIES: readonly Family[] = [
  { name: "kube_pod_container_resource_limits", kind: "constant", share: 23, digits: 0 },
  { name: "kube_pod_status_phase", kind: "constant", share: 23, digits: 0 },
  { name: "container_cpu_usage_seconds_total", kind: "rising", share: 13, digits: 2 },
  { name: "container_network_receive_bytes_total", kind: "rising", share: 12, digits: 0 },
  { name: "http_requests_total", kind: "rising", share: 12, digits: 0 },
  { name: "container_network_receive_errors_total", kind: "resting", share: 8, digits: 0 },
  { name: "container_memory_working_set_bytes", kind: "moving", share: 5, digits: 0 },
  { name: "container_load_average", kind: "moving", share: 4, digits: 2 },
];
const CONTAINERS = 49;
const APPS = ["cart", "checkout", "catalogue", "payment", "gateway", "search", "worker"];
const SHARES = FAMILIES.flatMap((family) => new Array<Family>(family.share).fill(family));

export interface Series {
  readonly family: Family;
  /** Up to the value. */
  readonly prefix: string;
  readonly seed: number;
}

/** In the order of an exporter: by family, and within it by container. */
export function seriesOf(target: number): Series[] {
  const from = Math.floor(target * SERIES / TARGETS);
  const to = Math.floor((target + 1) * SERIES / TARGETS);
  const series: Series[] = [];
  for (let index = from; index < to; index += 1) {
    const family = SHARES[index % SHARES.length]!;
    const container = (index - from) % CONTAINERS;
    const pairs = Object.entries(labelsOf(target, container, family, index))
      .map(([name, value]) => `${name}="${value}"`);
    series.push({ family, prefix: `${family.name}{${pairs}} `, seed: hash(index + 1) });
  }
  return series.sort((a, b) => a.family.name < b.family.name ? -1 : 1);
}

/** As kubelets and kube-state-metrics give them; those of cgroups have the longest. */
function labelsOf(target: number, container: number, { name }: Family, index: number) {
  const key = hash(target * CONTAINERS + container);
  const digits = (salt: number) => hash(key ^ salt).toString(16).padStart(8, "0");
  const app = APPS[key % APPS.length]!;
  const pod = `${app}-${digits(1)}-${digits(2).slice(0, 5)}`;
  const labels = { namespace: `team-${key % 7}`, pod, container: app, slot: String(index % 10) };
  if (!name.startsWith("container_")) return labels;
  const uid = `${digits(3)}-${digits(4).slice(4)}-4${digits(5).slice(5)}-a${digits(6).slice(5)}`;
  const hash64 = [7, 8, 9, 10, 11, 12, 13, 14].map(digits).join("");
  return {
    ...labels,
    id: `/kubepods.slice/kubepods-pod${uid}-${digits(15)}beef.slice/cri-containerd-${hash64}.scope`,
    image: `registry.example.com/shop/${app}:1.${key % 40}.0`,
  };
}

/** The exposition of one target. @param second since the epoch */
export function exposition(series: readonly Series[], second: number): string {
  let text = "";
  let family = "";
  for (const one of series) {
    const { name, kind } = one.family;
    if (name !== family) {
      text += `# TYPE ${name} ${kind === "rising" || kind === "resting" ? "counter" : "gauge"}\n`;
      family = name;
    }
    text += `${one.prefix}${valueAt(one, second)}\n`;
  }
  return text;
}

function valueAt({ family: { kind, digits }, seed }: Series, second: number): string {
  switch (kind) {
    case "constant":
      return String(seed % 4);
    case "resting":
      return String(seed % 1000);
    case "rising": {
      const perSecond = 0.1 + seed % 997;
      // Uneven, as work is: up to one second's worth more or less.
      const spread = hash(seed ^ Math.floor(second)) % 100 / 100;
      const base = (second % 1e6 + spread) * perSecond;
      return (digits > 0 ? base / 1000 : base).toFixed(digits);
    }
    case "moving":
      return digits > 0
        ? (hash(seed ^ Math.floor(second)) % 800 / 100).toFixed(digits)
        : String(2 ** 26 + 4096 * (hash(seed ^ Math.floor(second)) % 8192));
  }
}

/** 32 bits, well mixed (murmur3's finalizer). */
function hash(value: number): number {
  let bits = Math.imul(value ^ value >>> 16, 0x85ebca6b);
  bits = Math.imul(bits ^ bits >>> 13, 0xc2b2ae35);
  return (bits ^ bits >>> 16) >>> 0;
}

/** Brings up whatever this machine can have, and says of the rest why it is not there. */
import { createPki, type Pki } from "../../src/embedded/pki.ts";
import { down } from "./down.ts";
import { CURRENT_NODES, type NodeKind, OLDEST_NODES } from "./nodes/kinds.ts";
import { makeNetwork } from "./nodes/network.ts";
import { type ClusterPlan, CURRENT, OLDEST, SERVER_ADDRESSES } from "./nodes/plan.ts";
import { startNodes, whyNoNodes } from "./nodes/start.ts";
import { type Peer, type Search, toPeer } from "./peer.ts";
import { print } from "./print.ts";
import { programsWith } from "./programs/containerd.ts";
import { findDebianProgram } from "./programs/debian.ts";
import { findDefinitions } from "./programs/definitions.ts";
import {
  findGoProgram,
  type GoProgram,
  KUBERNETES,
  MINIO,
  OLDEST_KUBERNETES,
  OPENBAO,
  PROMETHEUS_3,
} from "./programs/go_module.ts";
import { findCosign } from "./programs/go_tools.ts";
import { findHelm, findKubectl } from "./programs/kubernetes_clients.ts";
import { findBuildah, findPodman } from "./programs/podman.ts";
import { DaemonEnded } from "./readiness.ts";
import { type RunningKubernetes, startKubernetes } from "./services/kubernetes.ts";
import { type ClusterSetup, setUpCluster } from "./services/kubernetes_setup.ts";
import { startMinio } from "./services/minio.ts";
import { setUpOpenBao, startOpenBao } from "./services/openbao.ts";
import { startPrometheus, startVictoriaMetrics } from "./services/prometheus.ts";
import { Service } from "./services/service.ts";
import { FOLDER, type Testbed, writeTestbed } from "./testbed.ts";
import { writeUserFiles } from "./user_files.ts";

type Draft = { -readonly [Key in keyof Testbed]: Testbed[Key] };

/** Only the tools that are asked for their version and need no server. */
const TOOLS = (signal: AbortSignal): readonly (readonly [string, () => Promise<Search>])[] => [
  ["cosign", () => findCosign(signal)],
  ["kubectl", findKubectl],
  ["helm", findHelm],
  ["buildah", findBuildah],
  ["podman", findPodman],
  ["definitions", findDefinitions],
  ["promtool", () => findDebianProgram("promtool", "prometheus")],
  ["prometheus 3", () => findGoProgram(PROMETHEUS_3, signal)],
];

/** Ports are chosen before they are taken, and somebody may take one in between. */
const STARTS = 3;
/** What building must leave for those who asked for the testbed. */
const RESERVE_MS = 600_000;
const LONGEST_BUILD_MS = 3_600_000;

/** @param until in epoch seconds, as on a command line; undefined: no hurry */
export function buildTime(until: string | undefined): AbortSignal {
  const leftMs = until === undefined
    ? LONGEST_BUILD_MS
    : Number(until) * 1000 - Date.now() - RESERVE_MS;
  return AbortSignal.timeout(Math.max(Math.min(leftMs, LONGEST_BUILD_MS), 0));
}

export interface UpOptions {
  /** Whether real nodes are wanted, which takes root and some seconds more. */
  readonly nodes: boolean;
}

/** @param signal ends builds that take too long; what they were for is then not there */
export async function up(signal: AbortSignal, options: UpOptions): Promise<Testbed> {
  await down();
  await Deno.mkdir(FOLDER, { recursive: true, mode: 0o700 });
  const pki = await createPki("NeuralOps testbed CA", SERVER_ADDRESSES);
  return await new Builder(pki, signal, options).build();
}

class Builder {
  readonly #peers: Peer[] = [];
  readonly #services: Service[] = [];
  readonly #testbed: Draft = {
    peers: this.#peers,
    daemons: [],
    kubernetes: null,
    oldestKubernetes: null,
    nodes: null,
    oldestNodes: null,
    openbao: null,
    minio: null,
    prometheus: null,
  };

  constructor(
    private readonly pki: Pki,
    private readonly signal: AbortSignal,
    private readonly options: UpOptions,
  ) {}

  async build(): Promise<Testbed> {
    const testbed = this.#testbed;
    const current = await this.#startKubernetes("Kubernetes", KUBERNETES, CURRENT, "kubernetes");
    testbed.kubernetes = current?.cluster ?? null;
    const oldest = await this.#startKubernetes(
      "Kubernetes, oldest",
      OLDEST_KUBERNETES,
      OLDEST,
      "oldest",
    );
    testbed.oldestKubernetes = oldest?.cluster ?? null;
    await this.#startAllNodes();
    testbed.minio = await this.#serve("S3 (MinIO)", MINIO, "minio", startMinio);
    testbed.openbao = await this.#serve(
      "Vault (OpenBao)",
      OPENBAO,
      "openbao",
      async (service, program) => {
        const running = await startOpenBao(service, program);
        await setUpOpenBao(service, running, {
          kubernetesUrl: testbed.kubernetes?.url ?? null,
          s3: testbed.minio,
        });
        return running;
      },
    );
    await this.#startMetrics();
    for (const [name, search] of TOOLS(this.signal)) {
      this.#peers.push(toPeer(name, await search()));
    }
    this.#peers.push({
      name: "Sigstore, private",
      version: "-",
      program: null,
      address: null,
      note:
        "Fulcio and Rekor are not built; certificates and log entries come from @sigstore/mock and src/embedded",
    });
    await this.#save();
    await writeUserFiles(testbed, this.pki);
    return testbed;
  }

  async #startKubernetes(name: string, program: GoProgram, plan: ClusterPlan, folder: string) {
    return await this.#serve(name, program, folder, async (service, path) => {
      // The older control plane's pods are brought to life by the newer one's kwok.
      const kwok = program.tags ? path : await this.#kwok();
      const cluster: RunningKubernetes = await startKubernetes(
        service,
        path,
        program.version,
        kwok,
        plan.serviceNetwork,
      );
      const admin = {
        certPem: await Deno.readTextFile(service.path("admin.crt")),
        keyPem: await Deno.readTextFile(service.path("admin.key")),
      };
      const setup: ClusterSetup = await setUpCluster(service, cluster, admin);
      return { cluster, setup, url: cluster.url };
    });
  }

  async #startAllNodes(): Promise<void> {
    const testbed = this.#testbed;
    const why = this.options.nodes ? await whyNoNodes() : "deno task testbed up --nodes";
    if (why === null) await makeNetwork();
    testbed.nodes = await this.#startNodes(CURRENT_NODES, testbed.kubernetes, why);
    testbed.oldestNodes = await this.#startNodes(OLDEST_NODES, testbed.oldestKubernetes, why);
  }

  async #startNodes(kind: NodeKind, cluster: RunningKubernetes | null, why: string | null) {
    const { name, folder, plan, kubeletSettings } = kind;
    if (why !== null || cluster === null) {
      this.#peers.push(toPeer(name, { why: why ?? "there is no control plane for them" }));
      return null;
    }
    const runtime = await kind.findContainerd(this.signal);
    this.#peers.push(toPeer(`${name}: containerd`, runtime));
    if ("why" in runtime) {
      this.#peers.push(toPeer(name, runtime));
      return null;
    }
    const { program: containerd } = runtime;
    const ctr = { ...runtime, program: programsWith(containerd).ctr };
    this.#peers.push(toPeer(`${name}: ctr`, ctr));
    const found = await findGoProgram(kind.kubelet, this.signal);
    return await this.#attempt(
      name,
      found,
      folder,
      (service, kubelet) =>
        startNodes(service, plan, cluster, { containerd, kubelet, kubeletSettings }),
    );
  }

  async #kwok(): Promise<string | null> {
    const found = await findGoProgram(KUBERNETES, this.signal);
    return "program" in found ? found.program : null;
  }

  async #startMetrics(): Promise<void> {
    const prometheus = await findDebianProgram("prometheus", "prometheus");
    const exporter = await findDebianProgram(
      "prometheus-node-exporter",
      "prometheus-node-exporter",
    );
    const victoria = await findDebianProgram("victoria-metrics", "victoria-metrics");
    const vmagent = await findDebianProgram("vmagent", "victoria-metrics");
    if (!("program" in prometheus && "program" in exporter)) {
      for (
        const [name, found] of [
          ["prometheus", prometheus],
          ["node exporter", exporter],
          ["victoria-metrics", victoria],
          ["vmagent", vmagent],
        ] as const
      ) this.#peers.push(toPeer(name, found));
      return;
    }
    const running = await this.#attempt(
      "prometheus",
      prometheus,
      "prometheus",
      (service) =>
        startPrometheus(service, {
          prometheus: prometheus.program,
          nodeExporter: exporter.program,
        }),
    );
    this.#testbed.prometheus = running;
    this.#peers.push(toPeer("node exporter", exporter, running?.exporterUrl ?? null));
    if (running && "program" in victoria && "program" in vmagent) {
      const victoriaMetrics = victoria.program;
      const started = await this.#attempt(
        "victoria-metrics",
        victoria,
        "victoria",
        (service) =>
          startVictoriaMetrics(service, { victoriaMetrics, vmagent: vmagent.program }, running),
      );
      this.#peers.push(toPeer("vmagent", vmagent, started?.vmagentUrl ?? null));
    } else {
      this.#peers.push(toPeer("victoria-metrics", victoria), toPeer("vmagent", vmagent));
    }
  }

  async #serve<T extends { readonly url: string }>(
    name: string,
    program: GoProgram,
    folder: string,
    start: (service: Service, program: string) => Promise<T>,
  ): Promise<T | null> {
    const found = await findGoProgram(program, this.signal);
    return await this.#attempt(name, found, folder, start);
  }

  async #attempt<T extends { readonly url: string }>(
    name: string,
    found: Search,
    folder: string,
    start: (service: Service, program: string) => Promise<T>,
  ): Promise<T | null> {
    if ("why" in found) {
      this.#peers.push(toPeer(name, found));
      return null;
    }
    const begun = Date.now();
    const service = await Service.create(`${FOLDER}/${folder}`, this.pki);
    this.#services.push(service);
    const tryToStart = async (tries: number): Promise<T> => {
      try {
        return await start(service, found.program);
      } catch (error) {
        if (!(error instanceof DaemonEnded) || tries === STARTS) throw error;
        return await tryToStart(tries + 1);
      }
    };
    try {
      const running = await tryToStart(1);
      print(`${name} ${found.version} is up after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
      this.#peers.push(toPeer(name, found, running.url));
      return running;
    } catch (error) {
      const why = `does not start: ${(error as Error).message.replaceAll(/\s+/g, " ")}`;
      this.#peers.push(toPeer(name, { why }));
      return null;
    } finally {
      // At once: whatever happens next, `down` must find what was started.
      await this.#save();
    }
  }

  async #save(): Promise<void> {
    this.#testbed.daemons = this.#services.flatMap(({ daemons }) => daemons);
    await writeTestbed(this.#testbed);
  }
}

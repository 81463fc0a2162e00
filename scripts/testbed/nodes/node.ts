/**
 * A real node on this machine: containerd and the kubelet in a network namespace, a mount namespace and
 * cgroups of their own. Its /var and /run are its own too, so that nothing of it outlives it.
 */
import { run } from "../command.ts";
import type { NodePrograms } from "../programs/containerd.ts";
import { untilReady } from "../readiness.ts";
import { kubeconfig } from "../services/kubernetes_files.ts";
import { Service } from "../services/service.ts";
import { cgroupOf, makeCgroup } from "./cgroups.ts";
import {
  containerdConfig,
  kubeletArguments,
  kubeletConfig,
  networkConfig,
  type NodePaths,
} from "./node_files.ts";
import type { NodePlan } from "./plan.ts";

/** Everything that follows is found in this cgroup. */
const IN_CGROUP = 'echo $$ >"$1"; shift; exec "$@"';
const WITH_OWN_FOLDERS = 'mount --make-rshared / && mount --bind "$1" /var && ' +
  'mount -t tmpfs run /run && shift && exec "$@"';

export interface RunningNode {
  readonly name: string;
  readonly address: string;
  /** Absolute path of containerd's socket. */
  readonly socket: string;
  /** Absolute path of the client that goes with it. */
  readonly ctr: string;
}

export interface NodeParts extends NodePrograms {
  readonly kubelet: string;
  /** That only this version of the kubelet knows. */
  readonly kubeletSettings: Readonly<Record<string, unknown>>;
  /** Archive of the image that the pods' first containers run. */
  readonly pauseImage: string;
  /** Of the API server, as the node calls it. */
  readonly url: string;
}

/** Resolves once containerd serves and the kubelet is started: the node itself may not be ready yet. */
export async function startNode(
  parent: Service,
  plan: NodePlan,
  parts: NodeParts,
): Promise<RunningNode> {
  const { name, namespace, address } = plan;
  const { containerd, ctr, plugins, path, kubelet, pauseImage, url } = parts;
  const service = await Service.create(`${parent.folder}/${name}`, parent.pki);
  const folder = `${Deno.cwd()}/${service.folder}`;
  const paths: NodePaths = {
    socket: `${folder}/containerd.sock`,
    networkFolder: `${folder}/network`,
    caFile: `${folder}/ca.pem`,
    plugins,
  };
  await Deno.mkdir(paths.networkFolder, { recursive: true });
  for (const own of ["lib", "log", "tmp"]) {
    await Deno.mkdir(`${folder}/var/${own}`, { recursive: true });
  }
  await Deno.symlink("/run", `${folder}/var/run`);
  await service.write("ca.pem", service.pki.caPem);
  await service.write("containerd.toml", containerdConfig(paths));
  await service.write("network/pods.conflist", networkConfig(plan));
  await service.write("kubelet.yaml", kubeletConfig(cgroupOf(name), paths, parts.kubeletSettings));
  const identity = await service.pki.issueClient(`system:node:${name}`, ["system:nodes"]);
  await service.write("kubeconfig", kubeconfig(url, service.pki.caPem, identity));
  const inCgroup = ["sh", "-c", IN_CGROUP, "sh", await makeCgroup(name)];
  const runtime = service.start({
    name: "containerd",
    within: [
      ...inCgroup,
      ...["nsenter", `--net=/run/netns/${namespace}`, "unshare", "--mount"],
      ...["--propagation", "private", "sh", "-c", WITH_OWN_FOLDERS, "sh", `${folder}/var`],
    ],
    program: containerd,
    args: [`--config=${folder}/containerd.toml`],
    env: { PATH: path },
  });
  const imports = [
    "--address",
    paths.socket,
    "--namespace",
    "k8s.io",
    "images",
    "import",
    pauseImage,
  ];
  await untilReady(runtime, service.folder, async () => (await run(ctr, imports)).ok);
  service.start({
    name: "kubelet",
    within: [
      ...inCgroup,
      ...["nsenter", `--target=${runtime.pid}`, "--net", "--mount"],
    ],
    program: kubelet,
    args: kubeletArguments(plan, `${folder}/kubelet.yaml`, `${folder}/kubeconfig`),
    env: { PATH: path },
  });
  parent.daemons.push(...service.daemons);
  return { name, address, socket: paths.socket, ctr };
}

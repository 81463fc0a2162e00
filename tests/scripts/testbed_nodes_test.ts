import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { parse } from "yaml";
import {
  containerdConfig,
  kubeletArguments,
  kubeletConfig,
  networkConfig,
  type NodePaths,
} from "../../scripts/testbed/nodes/node_files.ts";
import {
  BRIDGE,
  CLUSTERS,
  NODE_LABEL,
  SERVER_ADDRESSES,
} from "../../scripts/testbed/nodes/plan.ts";
import { createPki } from "../../src/embedded/pki.ts";

const PATHS: NodePaths = {
  socket: "/srv/node/containerd.sock",
  networkFolder: "/srv/node/network",
  caFile: "/srv/node/ca.pem",
  plugins: "/cache/cni",
};
const NODES = CLUSTERS.flatMap(({ nodes }) => nodes);
const node = NODES[1]!;

Deno.test("nodes have names, namespaces, addresses and pod networks of their own", () => {
  for (const key of ["name", "namespace", "address", "podNetwork"] as const) {
    assert.equal(new Set(NODES.map((node) => node[key])).size, NODES.length, key);
    assert.ok(!NODES.some((node) => SERVER_ADDRESSES.includes(node[key])), key);
  }
  assert.ok(`${BRIDGE}-${NODES.length}`.length <= 15, "interface names are at most 15 letters");
});

Deno.test("a node's pods get addresses of its own network and their way out", () => {
  const { plugins: [{ ipam, ipMasq }] } = JSON.parse(networkConfig(node));
  assert.deepEqual(ipam.ranges, [[{ subnet: node.podNetwork }]]);
  assert.deepEqual(ipam.routes, [{ dst: "0.0.0.0/0" }]);
  assert.equal(ipMasq, false, "the machine knows the way back");
});

Deno.test("clusters that share a bridge do not share a service network", () => {
  for (const key of ["serviceNetwork", "serviceAddress"] as const) {
    assert.equal(new Set(CLUSTERS.map((cluster) => cluster[key])).size, CLUSTERS.length, key);
  }
});

Deno.test("containerd and the kubelet of a node meet at one socket", () => {
  assert.match(containerdConfig(PATHS), /address = "\/srv\/node\/containerd.sock"/);
  const config = parse(kubeletConfig("/group/node", PATHS, {}));
  assert.equal(config.containerRuntimeEndpoint, "unix:///srv/node/containerd.sock");
  assert.deepEqual([config.cgroupDriver, config.cgroupRoot], ["cgroupfs", "/group/node"]);
  const current = parse(kubeletConfig("/group/node", PATHS, { failCgroupV1: false }));
  assert.equal(current.failCgroupV1, false);
});

Deno.test("a kubelet lets nobody in without a certificate, and keeps other pods away", () => {
  const { authentication, registerWithTaints } = parse(kubeletConfig("/group/node", PATHS, {}));
  assert.equal(authentication.anonymous.enabled, false);
  assert.equal(authentication.x509.clientCAFile, PATHS.caFile);
  assert.deepEqual(registerWithTaints, [{ key: NODE_LABEL, value: "real", effect: "NoSchedule" }]);
  assert.ok(kubeletArguments(node, "c", "k").includes(`--node-labels=${NODE_LABEL}=real`));
});

Deno.test("a server certificate is good for the addresses that its PKI was made for", async () => {
  const { certPem } = await (await createPki("CA", SERVER_ADDRESSES)).issue("server");
  const names = new X509Certificate(certPem).subjectAltName ?? "";
  for (const address of [...SERVER_ADDRESSES, "127.0.0.1"]) {
    assert.ok(names.split(", ").includes(`IP Address:${address}`), names);
  }
});

/**
 * A Kubernetes control plane on loopback: etcd, kube-apiserver with its audit log, controllers and
 * scheduler. Two nodes are simulated by kwok: pods become ready without a kubelet, unless their image's
 * tag is `broken`.
 */
import { stringify } from "yaml";
import { toPem } from "../../../src/embedded/pem.ts";
import type { Certificate } from "../../../src/embedded/pki.ts";
import { freePort } from "../ports.ts";
import { nameProgram } from "../programs/go_module.ts";
import { answersOk, untilReady, withClient } from "../readiness.ts";
import { AUDIT_POLICY, kubeconfig, SIMULATED, STAGES } from "./kubernetes_files.ts";
import type { Service } from "./service.ts";

/** Users with a client certificate and a kubeconfig of their own, `<user>.kubeconfig`. */
const USERS: Readonly<Record<string, readonly string[]>> = {
  admin: ["system:masters"],
  connector: ["neuralops:connectors"],
  "connector-a": ["neuralops:connectors"],
  "connector-b": ["neuralops:connectors"],
  stranger: [],
};

export interface RunningKubernetes {
  readonly url: string;
  readonly version: string;
  /** Holds `<user>.kubeconfig`, `admin.crt`, `audit.jsonl` and every server's log. */
  readonly folder: string;
  readonly kubectl: string;
}

/**
 * @param program the control plane, as built
 * @param kwok null: nothing makes pods ready
 * @param serviceNetwork of each cluster another, so that one machine can be a node's neighbour in both
 */
export async function startKubernetes(
  service: Service,
  program: string,
  version: string,
  kwok: string | null,
  serviceNetwork: string,
): Promise<RunningKubernetes> {
  const { pki } = service;
  const [etcdPort, peerPort, port] = [freePort(), freePort(), freePort()];
  const url = `https://127.0.0.1:${port}`;
  const admin = await pki.issueClient("admin", USERS["admin"]);
  await writeFiles(service, url, admin);
  const etcd = `http://127.0.0.1:${etcdPort}`;
  const peers = `http://127.0.0.1:${peerPort}`;
  const etcdDaemon = service.start({
    name: "etcd",
    program: await nameProgram(program, "etcd"),
    args: [
      `--data-dir=${service.path("etcd")}`,
      "--unsafe-no-fsync",
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=default=${peers}`,
    ],
  });
  await withClient(
    service.caller(),
    (client) => untilReady(etcdDaemon, service.folder, () => age(etcd, client)),
  );
  const apiServer = service.start({
    name: "kube-apiserver",
    program: await nameProgram(program, "kube-apiserver"),
    args: apiServerArguments(service, etcd, port, serviceNetwork),
  });
  await withClient(
    service.caller(admin),
    (client) => untilReady(apiServer, service.folder, () => answersOk(`${url}/readyz`, client)),
  );
  for (const name of ["kube-controller-manager", "kube-scheduler"]) {
    service.start({
      name,
      program: await nameProgram(program, name),
      args: [
        `--kubeconfig=${service.path("admin.kubeconfig")}`,
        "--leader-elect=false",
        // Tests make and remove namespaces by the dozen: by default they would wait in a queue for that.
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--bind-address=127.0.0.1",
        `--secure-port=${freePort()}`,
        `--cert-dir=${service.path(name)}`,
        ...(name === "kube-controller-manager"
          ? [
            `--service-account-private-key-file=${service.path("service-account.key")}`,
            `--root-ca-file=${service.path("ca.pem")}`,
          ]
          : []),
      ],
    });
  }
  if (kwok) {
    service.start({
      name: "kwok",
      program: await nameProgram(kwok, "kwok"),
      args: [
        `--kubeconfig=${service.path("admin.kubeconfig")}`,
        `--config=${service.path("stages.yaml")}`,
        // Others are real.
        "--manage-all-nodes=false",
        `--manage-nodes-with-label-selector=${SIMULATED}`,
        "--node-lease-duration-seconds=0",
        `--server-address=127.0.0.1:${freePort()}`,
      ],
    });
  }
  return { url, version, folder: service.folder, kubectl: await nameProgram(program, "kubectl") };
}

/**
 * Moves etcd's revision on before there is an API server, which remembers everything since its own start:
 * from the first revision on it would never say 410 Gone, as every older one does.
 */
async function age(etcd: string, client: Deno.HttpClient): Promise<boolean> {
  const key = btoa("/testbed/age");
  for (let revision = 0; revision < 10; revision += 1) {
    const response = await fetch(`${etcd}/v3/kv/put`, {
      client,
      method: "POST",
      body: JSON.stringify({ key, value: btoa(String(revision)) }),
    });
    await response.body?.cancel();
    if (!response.ok) return false;
  }
  return true;
}

async function writeFiles(service: Service, url: string, admin: Certificate): Promise<void> {
  const { pki } = service;
  await service.write("ca.pem", pki.caPem);
  await service.writeCertificate("apiserver", await pki.issue("kube-apiserver"));
  const keys = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["sign", "verify"],
  );
  await service.write("service-account.key", await toPem(keys.privateKey));
  await service.write("service-account.pub", await toPem(keys.publicKey));
  await service.write("audit-policy.yaml", stringify(AUDIT_POLICY));
  await service.write("stages.yaml", STAGES.map((stage) => stringify(stage)).join("---\n"));
  await service.writeCertificate("admin", admin);
  for (const [user, groups] of Object.entries(USERS)) {
    const identity = user === "admin" ? admin : await pki.issueClient(user, groups);
    await service.write(`${user}.kubeconfig`, kubeconfig(url, pki.caPem, identity));
  }
}

function apiServerArguments(
  service: Service,
  etcd: string,
  port: number,
  serviceNetwork: string,
): string[] {
  return [
    `--etcd-servers=${etcd}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    `--secure-port=${port}`,
    `--tls-cert-file=${service.path("apiserver.crt")}`,
    `--tls-private-key-file=${service.path("apiserver.key")}`,
    `--client-ca-file=${service.path("ca.pem")}`,
    "--authorization-mode=Node,RBAC",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${service.path("service-account.pub")}`,
    `--service-account-signing-key-file=${service.path("service-account.key")}`,
    `--service-cluster-ip-range=${serviceNetwork}`,
    `--cert-dir=${service.path("kube-apiserver")}`,
    `--audit-policy-file=${service.path("audit-policy.yaml")}`,
    `--audit-log-path=${service.path("audit.jsonl")}`,
    // In order and in full: tests read it as the server's own word on who wrote what, and when.
    "--audit-log-mode=blocking-strict",
    // For logs of pods on real nodes.
    `--kubelet-client-certificate=${service.path("admin.crt")}`,
    `--kubelet-client-key=${service.path("admin.key")}`,
    "--kubelet-preferred-address-types=InternalIP",
  ];
}

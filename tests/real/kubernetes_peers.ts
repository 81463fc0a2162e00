/** The real API servers of the testbed, and who may come in. */
import { parse } from "yaml";
import { decodeBase64, decodeUtf8 } from "../../src/core/encoding.ts";
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";
import type { Identity } from "../contract/kubernetes/session.ts";
import { type Contract, runCase, type Target } from "../contract/kubernetes/target.ts";
import { realTest, testbed } from "./peers.ts";

/** As the table of peers names them. */
export const KUBERNETES = ["Kubernetes", "Kubernetes, oldest"] as const;
export type KubernetesPeer = (typeof KUBERNETES)[number];

export function runningOf(peer: KubernetesPeer): RunningKubernetes {
  const running = peer === "Kubernetes" ? testbed.kubernetes : testbed.oldestKubernetes;
  if (running) return running;
  throw new Error(`${peer} is not up`);
}

export async function targetOf(peer: KubernetesPeer): Promise<Target> {
  const running = runningOf(peer);
  const caPem = await Deno.readTextFile(`${running.folder}/ca.pem`);
  return {
    url: running.url,
    caPem,
    admin: await identityOf(running, "admin"),
    stranger: await identityOf(running, "stranger"),
    // Its caches begin where it started.
    forget() {},
  };
}

/** One test for each subject and server, with a step for each case. */
export function runContracts(contracts: Readonly<Record<string, Contract>>): void {
  for (const peer of KUBERNETES) {
    for (const [subject, contract] of Object.entries(contracts)) {
      realTest(`${peer} keeps the contract of ${subject}`, [peer], async (context) => {
        const target = await targetOf(peer);
        for (const [name, act] of Object.entries(contract)) {
          await context.step(name, () => runCase(target, act));
        }
      });
    }
  }
}

async function identityOf({ folder }: RunningKubernetes, user: string): Promise<Identity> {
  const { users: [{ user: known }] } = parse(
    await Deno.readTextFile(`${folder}/${user}.kubeconfig`),
  );
  const decode = (key: string) => decodeUtf8(decodeBase64(known[key]));
  return { certPem: decode("client-certificate-data"), keyPem: decode("client-key-data") };
}

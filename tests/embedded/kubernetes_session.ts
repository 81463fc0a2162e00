/** An embedded API server and a client to it, for what only it can be asked. */
import { createPki, type Pki } from "../../src/embedded/pki.ts";
import {
  type EmbeddedKubernetes,
  type KubernetesOptions,
  startKubernetes,
} from "../../src/embedded/kubernetes/server.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { type Session, withSession } from "../contract/kubernetes/session.ts";

export { configMap, deployment } from "../contract/kubernetes/objects.ts";

export const MAPS = "/api/v1/namespaces/default/configmaps";
export const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

export interface EmbeddedSession extends Session {
  readonly kubernetes: EmbeddedKubernetes;
}

let sharedPki: Promise<Pki> | undefined;

export async function withKubernetes(
  act: (session: EmbeddedSession) => Promise<void>,
  options: Partial<KubernetesOptions> = {},
): Promise<void> {
  const pki = await (sharedPki ??= createPki());
  const kubernetes = await startKubernetes({ pki, clock: systemRuntime().clock, ...options });
  try {
    await withSession(
      { url: kubernetes.url, caPem: pki.caPem, admin: { token: kubernetes.token } },
      (session) => act({ ...session, kubernetes }),
    );
  } finally {
    await kubernetes.close();
  }
}

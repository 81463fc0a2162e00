/** The embedded API server as a target of the contract. */
import { createPki, type Pki } from "../../../src/embedded/pki.ts";
import {
  type EmbeddedKubernetes,
  startKubernetes,
} from "../../../src/embedded/kubernetes/server.ts";
import { systemRuntime } from "../../../src/runtime_deno.ts";
import type { Target } from "./target.ts";

const STRANGER = "stranger";

let sharedPki: Promise<Pki> | undefined;

export async function withEmbedded(
  act: (target: Target, kubernetes: EmbeddedKubernetes) => Promise<void>,
): Promise<void> {
  const pki = await (sharedPki ??= createPki());
  const kubernetes = await startKubernetes({
    pki,
    clock: systemRuntime().clock,
    tokens: [STRANGER],
    rolloutMs: 60,
    bookmarkMs: 60_000,
  });
  kubernetes.hooks.authorize = ({ user }) =>
    user === "user-1" ? { code: 403, reason: "Forbidden", message: "" } : null;
  try {
    await act({
      url: kubernetes.url,
      caPem: pki.caPem,
      admin: { token: kubernetes.token },
      stranger: { token: STRANGER },
      forget: () => kubernetes.store.compact(),
    }, kubernetes);
  } finally {
    await kubernetes.close();
  }
}

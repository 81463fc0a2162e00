/**
 * What the contract asks of a target. Each case runs in a namespace of its own, against the embedded
 * server (`embedded_test.ts`) and against real ones (`tests/real/kubernetes_contract_test.ts`).
 */
import { within } from "../../real/waiting.ts";
import { type Address, type Identity, type Session, withSession } from "./session.ts";

const LIMIT_MS = 30_000;
export const NAMESPACES = "/api/v1/namespaces";

export interface Target extends Address {
  /** Known to the server, and allowed nothing. */
  readonly stranger: Identity;
  /** Sees to it that the server has forgotten what happened at resourceVersion 1. */
  forget(): void;
}

export interface Ground extends Session {
  readonly target: Target;
  readonly namespace: string;
  /** The path of a collection in the namespace: `configmaps`, `apps/v1/deployments`. */
  in(resource: string): string;
}

export type Case = (ground: Ground) => Promise<void>;

/** Cases by their names. */
export type Contract = Readonly<Record<string, Case>>;

export async function runCase(target: Target, act: Case): Promise<void> {
  await withSession(target, async (session) => {
    const namespace = `contract-${crypto.randomUUID().slice(0, 8)}`;
    const { status } = await session.call("POST", NAMESPACES, {
      body: { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    });
    if (status !== 201) throw new Error(`no namespace: ${status}`);
    const ground: Ground = {
      ...session,
      namespace,
      target,
      in(resource) {
        const [plural, ...group] = resource.split("/").reverse();
        const root = group.length === 0 ? "/api/v1" : `/apis/${group.reverse().join("/")}`;
        return `${root}/namespaces/${namespace}/${plural}`;
      },
    };
    try {
      await within(LIMIT_MS, "the case", act(ground));
    } finally {
      await session.call("DELETE", `${NAMESPACES}/${namespace}`);
    }
  });
}

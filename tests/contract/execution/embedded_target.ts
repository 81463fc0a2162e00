/** The embedded API server as a target; its admission hook stands in for quotas and webhooks. */
import { isObject } from "../../../src/embedded/kubernetes/json.ts";
import type { Hook } from "../../../src/embedded/kubernetes/request_info.ts";
import type { EmbeddedKubernetes } from "../../../src/embedded/kubernetes/server.ts";
import { installDefinition } from "../../fakes/kubernetes_journal.ts";
import { withEmbedded } from "../kubernetes/embedded_target.ts";
import type { ExecutionTarget } from "./target.ts";

export async function withEmbeddedExecution(
  act: (target: ExecutionTarget) => Promise<void>,
): Promise<void> {
  await withEmbedded((target, kubernetes) =>
    act({
      ...target,
      prepareJournal: (namespace) => installDefinition(kubernetes, namespace),
      limitSecrets({ namespace }, most) {
        const names = () =>
          kubernetes.store.list("v1", "Secret", namespace).map(({ metadata: { name } }) => name);
        return Promise.resolve(rule(kubernetes, quota(namespace, most, names)));
      },
      addWebhook({ namespace }) {
        let how: "refuse" | "away" = "refuse";
        const judge: Hook = (request, object) => {
          const data = isObject(object) ? object["data"] : null;
          const isOdd = request.resource === "configmaps" && request.namespace === namespace &&
            isObject(data) && data["odd"] !== undefined;
          return isOdd ? ANSWERS[how] : null;
        };
        return Promise.resolve({
          ...rule(kubernetes, judge),
          answer: (next) => Promise.resolve(void (how = next)),
        });
      },
    })
  );
}

/** In a real server's words. */
const ANSWERS = {
  refuse: {
    code: 403,
    reason: "Forbidden",
    message: 'admission webhook "odd.example.org" denied the request: odd keys are not for us',
  },
  away: {
    code: 500,
    reason: "InternalError",
    message:
      'Internal error occurred: failed calling webhook "odd.example.org": connection refused',
  },
};

function quota(namespace: string, most: number, names: () => string[]): Hook {
  const count = () => names().length;
  const has = (name: string) => names().includes(name);
  return (request) => {
    const isNew = request.resource === "secrets" && request.namespace === namespace &&
      request.verb !== "delete" && !has(request.name);
    if (!isNew || count() < most) return null;
    const message =
      `secrets ${JSON.stringify(request.name)} is forbidden: exceeded quota: small, ` +
      `requested: count/secrets=1, used: count/secrets=${count()}, limited: count/secrets=${most}`;
    return { code: 403, reason: "Forbidden", message };
  };
}

function rule({ hooks }: EmbeddedKubernetes, judge: Hook): AsyncDisposable {
  const before = hooks.admission;
  hooks.admission = judge;
  return {
    [Symbol.asyncDispose]() {
      hooks.admission = before;
      return Promise.resolve();
    },
  };
}

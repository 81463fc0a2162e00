/** The whole agent, to which a user of the cluster speaks through the API server alone. */
import assert from "node:assert/strict";
import type { World } from "../../src/cli/simulate/world.ts";
import { ANSWER, DECISION } from "../../src/core/annotated_decision.ts";
import type { KubeObject } from "../../src/embedded/kubernetes/json.ts";
import { isOk, packageFor, push, start, until, withWorld } from "../fakes/agent_world.ts";
import { guardNames } from "../fakes/approval_policy.ts";
import { installDefinition, NAMESPACE } from "../fakes/kubernetes_journal.ts";

/** Whom the embedded API server takes everybody for. */
const USER = "admin";

Deno.test("a user of the cluster approves once the API server holds the names, and not before", () =>
  withWorld(async (world) => {
    const embedded = world.kubernetes.embedded!;
    await installDefinition(embedded);
    const agent = await start({
      ...world,
      config: {
        ...world.config,
        kubernetes: {
          ...world.config.kubernetes,
          journal: { namespace: NAMESPACE, secretName: "neuralops-journal-key" },
        },
        execution: {
          ...world.config.execution,
          approvers: [{ name: "ada", kubernetesUser: USER }],
        },
      } as World["config"],
    });
    try {
      await until(() => isOk(agent, "journal") && isOk(agent, "heartbeat"));
      const { body } = await push(world, agent, packageFor(world, "by-kubectl"));
      const { executionId } = body as { executionId: string };
      const object = () =>
        embedded.store.get("neuralops.io/v1", "WorkPackageExecution", NAMESPACE, executionId)!;
      const status = () => object().status as { state: string; planDigest: string };
      const answer = () => object().metadata.annotations?.[ANSWER] ?? "";
      await until(() => status().state === "pending_approval");
      const approve = () => {
        const before: KubeObject = object();
        const annotations = {
          ...before.metadata.annotations,
          [DECISION.approve]: status().planDigest,
          [DECISION.approveAs]: USER,
        };
        const metadata = { ...before.metadata, annotations };
        embedded.store.put({ ...before, metadata }, "kubectl-annotate");
      };
      approve();
      await until(() => answer() !== "");
      assert.match(answer(), /^refused: approver_unproven: .*approval-policy\.yaml/);
      const health = agent.health.get("approvals")!;
      assert.equal(health.state, "stalled");
      assert.match(health.reason, /kubectl apply -f docs\/examples\/approval-policy\.yaml/);
      assert.equal(status().state, "pending_approval");

      guardNames(embedded, USER);
      await until(() => isOk(agent, "approvals"));
      approve();
      await until(() => /^taken: approved by ada \(kubernetes admin\); 1 of 1/.test(answer()));
      await until(() => status().state === "succeeded");
      assert.notEqual(embedded.store.get("v1", "ConfigMap", "shop", "by-kubectl"), null);
    } finally {
      await agent.stop();
    }
  }));

/** The CLI over the agent's own Unix socket, as a person uses it: output, formats, exit codes. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { cli } from "./agent_process.ts";
import { pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { deployment, workPackage } from "./package.ts";
import { trustNewSigner, withAgent, withGround } from "./running_agent.ts";

Deno.test("executions are listed, shown, approved and rejected over the socket", (context) =>
  withGround(async (ground) => {
    const step = (name: string, work: () => Promise<void>) => context.step(name, work);
    const { signer, trust } = await trustNewSigner(ground);
    let configPath = "";
    const executions = (...args: string[]) => cli("executions", ...args, "--config", configPath);
    await withAgent(ground, { trust }, async ({ port, config }) => {
      configPath = config;
      const { uid } = await Deno.stat(ground.stateDir);
      const own = uid === 0 ? "root (uid 0)" : `uid-${uid} (uid ${uid})`;
      const clusterId = await registeredCluster(ground);
      const send = async (name: string) => {
        const bytes = workPackage({ clusterId, manifest: deployment(name, "shop:1") });
        const id = await pushAccepted(ground, port, bytes, signer.sign(bytes));
        await untilReceipt(ground, id, "pending_approval");
        return id;
      };

      await step("an empty list", async () => {
        const { code, stdout } = await executions("list");
        assert.deepEqual({ code, stdout }, { code: 0, stdout: "No executions.\n" });
      });
      const first = await send("first");
      await step("list in text, JSON and YAML", async () => {
        const text = await executions("list");
        assert.equal(text.code, 0);
        const [heading, row] = text.stdout.split("\n");
        assert.match(heading!, /^ID +STATE +AGE +RISK +SIGNER +NAME +STREAM +SEQ$/);
        assert.match(row!, new RegExp(`^${first} +pending_approval `));
        const json = await executions("list", "-o", "json");
        assert.equal(JSON.parse(json.stdout).executions[0].id, first);
        const yaml = await executions("list", "-o", "yaml");
        assert.deepEqual(parse(yaml.stdout), JSON.parse(json.stdout));
        const none = await executions("list", "--state", "succeeded", "-o", "json");
        assert.deepEqual(JSON.parse(none.stdout), { executions: [], hasMore: false });
      });
      await step("show has everything that is approved", async () => {
        const { code, stdout } = await executions("show", first);
        assert.equal(code, 0);
        assert.match(stdout, /State: +pending_approval/);
        assert.match(stdout, /shop:1/, "the image that would run is not shown");
        const json = await executions("show", first, "-o", "json");
        assert.match(JSON.parse(json.stdout).plan.digest, /^sha256:[0-9a-f]{64}$/);
      });
      await step("approve asks for a decision", async () => {
        const { code, stderr } = await executions("approve", first);
        assert.equal(code, 2);
        assert.match(stderr, /--plan-digest sha256:…, or --yes/);
      });
      await step("approve of another plan is refused", async () => {
        const digest = `sha256:${"0".repeat(64)}`;
        const { code, stderr } = await executions("approve", first, "--plan-digest", digest);
        assert.equal(code, 1);
        assert.match(stderr, /plan/);
      });
      await step("approve", async () => {
        const { plan } = JSON.parse((await executions("show", first, "-o", "json")).stdout);
        const approval = await executions(
          ...["approve", first, "--plan-digest", plan.digest],
        );
        assert.equal(approval.code, 0, approval.stderr);
        const { approvals } = await untilReceipt(ground, first, "succeeded");
        assert.deepEqual(approvals.map(({ approver }) => approver), [own]);
        const again = await executions("approve", first, "--yes");
        assert.equal(again.code, 1);
        assert.match(again.stderr, /not_approvable/);
      });
      const second = await send("second");
      await step("reject", async () => {
        const { code, stderr } = await executions(
          ...["reject", second, "--reason", "not today"],
        );
        assert.equal(code, 0, stderr);
        const { reason } = await untilReceipt(ground, second, "cancelled");
        assert.ok(reason.startsWith(`rejected by ${own}: not today (salt `), reason);
        assert.equal(ground.kubernetes.store.get("apps/v1", "Deployment", "shop", "second"), null);
      });
      await step("an unknown execution", async () => {
        const { code, stderr } = await executions("show", "wpx-0");
        assert.equal(code, 1);
        assert.match(stderr, /not_found/);
      });
      await step("wrong usage", async () => {
        assert.equal((await executions("list", "-o", "xml")).code, 2);
        assert.equal((await executions("explode")).code, 2);
        assert.equal((await cli("executions", "show")).code, 2);
      });
    });
    await step("no agent answers", async () => {
      const { code, stderr } = await executions("list");
      assert.equal(code, 1);
      assert.match(stderr, /No connector answers in .*neuralops-connector run/);
    });
  }));

Deno.test("status says over the socket how the agent is, and by its exit code", (context) =>
  withGround(async (ground) => {
    let status = () => cli("status");
    await withAgent(ground, {}, async ({ config }) => {
      status = () => cli("status", "--config", config, "-o", "json");
      const clusterId = await registeredCluster(ground);
      await context.step("text", async () => {
        const { stdout, stderr } = await cli("status", "--config", config);
        assert.equal(stderr, "");
        assert.match(stdout, new RegExp(`^Cluster: +\\S+ \\(${clusterId}\\)$`, "m"));
        assert.match(stdout, /^Registered: +since \d{4}-/m);
        assert.match(stdout, /^audit +ok +\S+ +\d+ records$/m);
        assert.match(stdout, /^Audit log: +\d+ records, /m);
      });
      await context.step("JSON, and the exit code that goes with it", async () => {
        const { code, stdout } = await status();
        const { ok, cluster, parts } = JSON.parse(stdout);
        assert.equal(cluster.id, clusterId);
        assert.equal(code, ok ? 0 : 1);
        // deno-lint-ignore no-explicit-any
        assert.equal(ok, !parts.some(({ state }: any) => /^(degraded|stalled)$/.test(state)));
      });
    });
    await context.step("no agent answers", async () => {
      const { code, stdout, stderr } = await status();
      assert.deepEqual([code, stdout], [3, ""]);
      assert.match(stderr, /No connector answers in /);
    });
  }));

Deno.test("the socket, the key and the audit log are open to the agent's own user alone", () =>
  withGround(async (ground) => {
    const { stateDir } = ground;
    await withAgent(ground, {}, async () => {
      await registeredCluster(ground);
      const [segment] = [...Deno.readDirSync(`${stateDir}/audit`)].map(({ name }) => name)
        .filter((name) => name.endsWith(".jsonl"));
      for (const name of ["agent.sock", "key.pem", `audit/${segment}`]) {
        const { mode } = await Deno.stat(`${stateDir}/${name}`);
        assert.equal((mode! & 0o777).toString(8), "600", name);
      }
    });
  }));

import assert from "node:assert/strict";
import { parse } from "yaml";
import type { ErrorCode } from "../../src/errors.ts";
import type { ApproverEntry } from "../../src/core/approver.ts";
import { createKeySigner } from "../../src/embedded/signer.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { openAdmin } from "../fakes/open_admin.ts";
import { type CliParts, runCli } from "../fakes/cli_io.ts";
import {
  applyAction,
  deployment,
  type Ground,
  layGround,
  OWN_UID,
  packageOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

const STATE_DIR = ["--state-dir", "/state"];

interface Fixture {
  readonly stand: Stand;
  readonly ground: Ground;
  /** `executions …` against the running connector. */
  run(args: readonly string[], parts?: CliParts): ReturnType<typeof runCli>;
  /** The id of a package that waits for a person. */
  pending(name?: string): Promise<string>;
}

async function withConnector(
  work: (fixture: Fixture) => Promise<void>,
  more: readonly ApproverEntry[] = [],
): Promise<void> {
  const ground = await layGround();
  const stand = (await Stand.open(ground, { approvers: more })).start();
  const { clock } = ground.runtime;
  const log = new JsonLogger(clock, () => {}, "error", new SecretMask());
  const admin = await openAdmin(ground, stand, log);
  const disk = ground.runtime.files;
  try {
    await work({
      stand,
      ground,
      run: (args, parts = {}) =>
        runCli(["executions", ...args, "--state-dir", stand.directory], { admin, disk, ...parts }),
      async pending(name = "web") {
        const actions = applyAction(deployment(name, "web:1"));
        const { id } = await send(stand, ground, packageOf({ actions, stream: name }));
        await stand.until(id, "pending_approval");
        return id;
      },
    });
  } finally {
    await stand.kill();
    await ground.close();
  }
}

Deno.test("executions list prints a table, and says so when there is nothing", () =>
  withConnector(async ({ run, pending, stand }) => {
    assert.equal((await run(["list"])).out, "No executions.");
    const id = await pending();
    const { exitCode, out, sockets } = await run(["list"]);
    assert.equal(exitCode, 0);
    assert.deepEqual(sockets, [`${stand.directory}/agent.sock`]);
    const [heading, line] = out.split("\n");
    assert.match(heading!, /^ID +STATE +AGE +RISK +SIGNER +NAME +STREAM +SEQ$/);
    const row = new RegExp(`^${id} +pending_approval +\\d+m?s +low +release +test +web +\\d+$`);
    assert.match(line!, row);
  }));

Deno.test("executions list filters by state and prints JSON and YAML", () =>
  withConnector(async ({ run, pending }) => {
    const id = await pending();
    assert.equal((await run(["list", "--state", "succeeded"])).out, "No executions.");
    for (
      const [format, read] of [["json", JSON.parse], [
        "yaml",
        (text: string) => parse(text),
      ]] as const
    ) {
      const { out } = await run(["list", "--state", "pending_approval", "-o", format]);
      assert.equal(read(out).executions[0].id, id);
      const none = await run(["list", "--state", "failed", "-o", format]);
      assert.deepEqual(read(none.out), { executions: [], hasMore: false });
    }
  }));

Deno.test("executions list prints the newest, oldest of them first, and says when there are older ones", () =>
  withConnector(async ({ run, pending }) => {
    const ids = [await pending("a"), await pending("b"), await pending("c")];
    const shown = (out: string) => out.match(/wpx-[0-9a-f]{32}/g);
    const all = await run(["list"]);
    assert.deepEqual([shown(all.out), all.errors], [ids, ""]);
    const { exitCode, out, errors } = await run(["list", "--limit", "2"]);
    assert.deepEqual([exitCode, shown(out)], [0, ids.slice(1)]);
    assert.equal(errors, "These are the newest 2; there are older ones: see --limit.");
    const json = await run(["list", "--limit", "2", "-o", "json"]);
    assert.equal(JSON.parse(json.out).hasMore, true);
    for (const limit of ["0", "1001", "-1", "ten", "1.5", ""]) {
      assert.equal((await run(["list", `--limit=${limit}`])).exitCode, 2, limit);
    }
  }));

Deno.test("executions show prints the execution and its plan, coloured only for a terminal", () =>
  withConnector(async ({ run, pending }) => {
    const id = await pending();
    const { exitCode, out } = await run(["show", id]);
    assert.equal(exitCode, 0);
    assert.match(out, /^ID: +wpx-/);
    assert.match(out, /^State: +pending_approval, since /m);
    assert.match(out, /^ {2}\+ create apps\/v1\/Deployment shop\/web \(apply\)$/m);
    assert.ok(!out.includes("\u001b"));
    const coloured = await run(["show", id], { hasColours: true });
    assert.ok(coloured.out.includes("\u001b[33mpending_approval\u001b[39m"));
    const json = JSON.parse((await run(["show", id, "-o", "json"], { hasColours: true })).out);
    assert.equal(json.state, "pending_approval");
    assert.match(json.plan.digest, /^sha256:/);
  }));

Deno.test("executions show lets a package's text do nothing to the terminal", () =>
  withConnector(async ({ run, pending, stand }) => {
    const id = await pending();
    const record = await stand.book.get(id);
    stand.book.get = () =>
      Promise.resolve({ ...record, purpose: "calm\u001b[2J\nState: succeeded" });
    const { out } = await run(["show", id]);
    assert.ok(out.includes("calm\\u{1b}[2J\\u{a}State: succeeded"), out);
    assert.equal(out.match(/^State:/gm)?.length, 1);
  }));

for (const answer of ["y", "yes", " Y "]) {
  Deno.test(`executions approve shows the plan, asks, and takes ${answer.trim()} for a yes`, () =>
    withConnector(async ({ run, pending, stand }) => {
      const id = await pending();
      const { exitCode, out, questions } = await run(["approve", id], { answer });
      assert.equal(exitCode, 0);
      assert.deepEqual(questions, ["Approve this plan? [y/N]"]);
      assert.match(out, /\+ create apps\/v1\/Deployment/);
      assert.match(
        out,
        new RegExp(`${id} approved: approved by alice \\(uid ${OWN_UID}\\); 1 of 1$`),
      );
      assert.equal((await stand.until(id, "succeeded")).approvals[0]!.approver, "alice");
    }));
}

for (const answer of ["n", "", "yesterday", null]) {
  Deno.test(`executions approve takes ${JSON.stringify(answer)} for a no`, () =>
    withConnector(async ({ run, pending, stand }) => {
      const id = await pending();
      const { exitCode, errors } = await run(["approve", id], { answer });
      assert.equal(exitCode, 1);
      assert.match(errors, /Not approved\./);
      assert.equal((await stand.book.get(id)).state, "pending_approval");
    }));
}

Deno.test("executions approve asks beside a result for programs, not within it", () =>
  withConnector(async ({ run, pending }) => {
    const id = await pending();
    const { out, errors } = await run(["approve", id, "-o", "json"], { answer: "y" });
    assert.equal(JSON.parse(out).state, "approved");
    assert.match(errors, /\+ create apps\/v1\/Deployment/);
  }));

Deno.test("executions approve without a person needs to be told which plan", () =>
  withConnector(async ({ run, pending, stand }) => {
    const id = await pending();
    const unsaid = await run(["approve", id]);
    assert.equal(unsaid.exitCode, 2);
    assert.match(unsaid.errors, /--plan-digest sha256:…, or --yes/);
    const other = await run(["approve", id, "--plan-digest", "sha256:other"]);
    assert.equal(other.exitCode, 1);
    assert.match(other.errors, /^error: approval_mismatch: .*\(look at the plan again/);
    const digest = (await stand.book.get(id)).plan!.digest;
    const env = { USER: "carol" };
    const named = await run(["approve", id, "--plan-digest", digest], { env });
    assert.equal(named.exitCode, 0);
    assert.equal((await stand.until(id, "succeeded")).approvals[0]!.approver, "alice");
    const again = await run(["approve", id, "--yes"]);
    assert.equal(again.exitCode, 1);
    assert.match(again.errors, /^error: not_approvable: .* is succeeded/);
  }));

Deno.test("executions approve --yes approves the plan as it is now", () =>
  withConnector(async ({ run, pending, stand }) => {
    const id = await pending();
    assert.equal((await run(["approve", id, "--yes"])).exitCode, 0);
    await stand.until(id, "succeeded");
  }));

Deno.test("executions reject cancels with the reason", () =>
  withConnector(async ({ run, pending }) => {
    const id = await pending();
    const args = ["reject", id, "--reason", "not now"];
    const { exitCode, out } = await run(args);
    assert.equal(exitCode, 0);
    const said = `${id} cancelled: rejected by alice (uid ${OWN_UID}): not now (salt `;
    assert.ok(out.startsWith(said), out);
    assert.equal((await run(args)).exitCode, 1);
  }));

Deno.test("executions approve takes nobody's word for a name", () =>
  withConnector(async ({ run, pending }) => {
    const id = await pending();
    const { exitCode, errors } = await run(["approve", id, "--yes", "--as", "bob"]);
    assert.equal(exitCode, 2);
    assert.match(errors, /unknown option '--as'/);
  }));

Deno.test("executions approve says what to do where it cannot show who the person is", () =>
  withConnector(async ({ run, pending, ground, stand }) => {
    const id = await pending();
    const denied = {
      ...ground.runtime.files,
      makeDirectory: () => Promise.reject(new Error("no")),
    };
    const { exitCode, errors } = await run(["approve", id, "--yes"], { disk: denied });
    assert.equal(exitCode, 1);
    assert.match(
      errors,
      /^error: approver_unproven: Cannot show who you are: no \(.*executions approval/,
    );
    const taken = { ...ground.runtime.files, makeDirectory: () => Promise.resolve(false) };
    assert.match((await run(["approve", id, "--yes"], { disk: taken })).errors, /is taken/);
    assert.equal((await stand.book.get(id)).state, "pending_approval");
  }));

Deno.test("executions approval prints what is signed, and approve --document brings it back", async () => {
  const signer = await createKeySigner();
  const approvers = [{
    kind: "key",
    name: "dora",
    publicKeyPem: signer.publicKeyPem,
    transparencyLog: "optional",
  }] as const;
  await withConnector(async ({ run, pending, stand }) => {
    const id = await pending();
    const { exitCode, out } = await run(["approval", id]);
    assert.equal(exitCode, 0);
    assert.equal(out.split("\n").length, 1);
    const document = `${out}\n`; // as the shell writes it to a file
    const bundle = JSON.stringify(signer.sign(new TextEncoder().encode(document)));
    const files = { "a.json": document, "a.bundle": bundle, "no.bundle": "{}" };
    const bring = (name: string) =>
      run(["approve", id, "--document", "a.json", "--bundle", name], { files });
    const wrong = await bring("no.bundle");
    assert.equal(wrong.exitCode, 1);
    assert.match(wrong.errors, /^error: (missing_signature|malformed_bundle): /);
    const brought = await bring("a.bundle");
    assert.equal(brought.exitCode, 0, brought.errors);
    assert.match(brought.out, /approved by dora \(key sha256:[0-9a-f]{64}\); 1 of 1$/);
    await stand.until(id, "succeeded");
    const no = JSON.parse((await run(["approval", await pending("b"), "--reject", "why"])).out);
    assert.deepEqual([no.decision, no.reason], ["reject", "why"]);
    assert.equal((await run(["approval", id])).exitCode, 1);
  }, approvers);
});

Deno.test("executions names an id that there is not", () =>
  withConnector(async ({ run }) => {
    const { exitCode, errors } = await run(["show", "wpx-none"]);
    assert.equal(exitCode, 1);
    assert.match(errors, /^error: not_found: There is no execution wpx-none/);
  }));

Deno.test("executions without a connector says how to start one", async () => {
  const { exitCode, errors } = await runCli(["executions", "list", ...STATE_DIR]);
  assert.equal(exitCode, 1);
  assert.match(errors, /^error: unavailable: No connector answers in \/state \(start it with/);
});

Deno.test("executions finds the socket through the configuration", async () => {
  const files = {
    "/c.yaml": `clusterName: c
stateDir: /from/config
controlPlane: { url: "https://c" }
vault: { address: "https://v", auth: { method: token } }
`,
  };
  const env = { NEURALOPS_CONFIG: "/c.yaml" };
  const { sockets } = await runCli(["executions", "list"], { files, env });
  assert.deepEqual(sockets, ["/from/config/agent.sock"]);
  const wrong = await runCli(["executions", "list", "-c", "/none.yaml"], { files });
  assert.match(wrong.errors, /There is no configuration file \/none\.yaml/);
});

const ANSWERS: [string, Response, RegExp][] = [
  [
    "text",
    new Response("Bad Gateway", { status: 502 }),
    /no connector of this version \(status 502/,
  ],
  ["text that says ok", new Response("ok"), /no connector of this version \(status 200/],
  [
    "another document",
    Response.json({ error: 1 }, { status: 500 }),
    /no connector of this version/,
  ],
];

for (const [what, answer, message] of ANSWERS) {
  Deno.test(`executions says so when the socket answers with ${what}`, async () => {
    const admin = () => Promise.resolve(answer.clone());
    const { exitCode, errors } = await runCli(["executions", "list", ...STATE_DIR], { admin });
    assert.equal(exitCode, 1);
    assert.match(errors, message);
  });
}

const CODES: readonly (ErrorCode | "internal")[] = [
  "malformed_request",
  "approval_mismatch",
  "disk_full",
  "state_unwritable",
  "apply_failed",
];

Deno.test("executions reports a problem under its own code", async () => {
  for (const code of [...CODES, "internal" as const]) {
    const problem = { type: "about:blank", title: code, status: 500, detail: "so it is", code };
    const admin = () => Promise.resolve(Response.json(problem, { status: 500 }));
    const { exitCode, errors } = await runCli(["executions", "list", ...STATE_DIR], { admin });
    assert.equal(exitCode, 1);
    assert.equal(errors, `error: ${code === "internal" ? "unavailable" : code}: so it is`);
  }
});

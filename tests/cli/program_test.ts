import assert from "node:assert/strict";
import { parse } from "yaml";
import config from "../../deno.json" with { type: "json" };
import { systemRuntime } from "../../src/runtime_deno.ts";
import { runCli } from "../fakes/cli_io.ts";

const COMMANDS = [
  ["run"],
  ["simulate"],
  ["status"],
  ["verify"],
  ["executions"],
  ["executions", "list"],
  ["executions", "show"],
  ["executions", "approve"],
  ["executions", "reject"],
  ["config"],
  ["config", "check"],
  ["policy"],
  ["policy", "check"],
  ["audit"],
  ["audit", "verify"],
  ["audit", "show"],
  ["version"],
];

Deno.test("--help prints every command and the exit codes, and exits 0", async () => {
  const { exitCode, out, errors } = await runCli(["--help"]);
  assert.equal(exitCode, 0);
  assert.equal(errors, "");
  for (const [name] of COMMANDS) assert.match(out, new RegExp(`^ {2}${name}\\b`, "m"));
  assert.match(out, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /);
});

for (const command of COMMANDS) {
  Deno.test(`${command.join(" ")} --help says what it does, and exits 0`, async () => {
    const { exitCode, out } = await runCli([...command, "--help"]);
    assert.equal(exitCode, 0);
    assert.ok(out.includes(`Usage: neuralops-connector ${command.join(" ")}`), out);
    assert.match(out, /Exit codes:/);
  });
}

const MISUSED: Record<string, [string[], RegExp]> = {
  "no command": [[], /Usage:/],
  "an unknown command": [["frobnicate"], /unknown command 'frobnicate'/],
  "an unknown subcommand": [["executions", "aprove"], /unknown command 'aprove'.*\n.*approve/],
  "an unknown option": [["version", "--colour"], /unknown option '--colour'/],
  "an unknown option of audit": [["audit", "verify", "--nope"], /unknown option '--nope'/],
  "a group without a command": [["audit"], /Usage: neuralops-connector audit/],
  "a missing option": [["verify", "wpk.yaml"], /required option '--bundle <file>'/],
  "a missing reason": [["executions", "reject", "wpx-1"], /required option '--reason <text>'/],
  "a missing argument": [["executions", "show"], /missing required argument 'id'/],
  "one argument too many": [["executions", "list", "x"], /too many arguments/],
  "an unknown format": [["version", "-o", "xml"], /Allowed choices are text, json, yaml/],
  "an unknown state": [
    ["executions", "list", "--state", "pending"],
    /Allowed choices are accepted/,
  ],
  "a bundle without a document": [
    ["executions", "approve", "x", "--state-dir", "/s", "--bundle", "b"],
    /--document and --bundle go together/,
  ],
  "a time that is none": [
    ["policy", "check", "wpk.yaml", "--policy", "policy.yaml", "--at", "noon"],
    /must be a time such as/,
  ],
  "a count that is none": [["audit", "show", "--limit", "many"], /must be a whole number above 0/],
  "a count of none": [["audit", "show", "--limit", "0"], /must be a whole number above 0/],
  "an archive without credentials": [
    ["audit", "verify", "--from", "s3://bucket/audit"],
    /--from needs --credentials/,
  ],
  "an archive elsewhere": [["audit", "verify", "--from", "ftp://x"], /--from must be s3:/],
  "a file that is missing": [
    ["policy", "check", "wpk.yaml", "--policy", "policy.yaml"],
    /there is no file policy\.yaml/,
  ],
};

for (const [what, [args, message]] of Object.entries(MISUSED)) {
  Deno.test(`the program exits 2 when given ${what}`, async () => {
    const { exitCode, out, errors } = await runCli(args);
    assert.equal(exitCode, 2, errors);
    assert.equal(out, "");
    assert.match(errors, message);
  });
}

Deno.test("version prints the version of deno.json in every form", async () => {
  const text = await runCli(["version"]);
  assert.deepEqual([text.exitCode, text.out], [0, `neuralops-connector ${config.version}`]);
  const expected = { version: config.version };
  assert.deepEqual(JSON.parse((await runCli(["version", "-o", "json"])).out), expected);
  assert.deepEqual(parse((await runCli(["version", "-o", "yaml"])).out), expected);
});

const RUN = ["run", "--config", "/c.yaml"];
const BAD_CONFIGS: Record<string, [Record<string, string | Uint8Array | Error>, RegExp]> = {
  "is not there": [{}, /There is no configuration file \/c\.yaml \(name one with --config/],
  "cannot be read": [{ "/c.yaml": new Error("denied") }, /Cannot read .*\/c\.yaml: Error: denied/],
  "is too large": [{ "/c.yaml": "#".repeat(2_000_000) }, /Cannot read .*too_large/],
  "is wrong": [{ "/c.yaml": "clusterName: X" }, /clusterName: must be a DNS label.*\n.*control/],
  "is no YAML": [{ "/c.yaml": "a: [" }, /cannot be parsed/],
  "is no text": [{ "/c.yaml": new Uint8Array([0xff]) }, /cannot be parsed/],
};

for (const [what, [files, message]] of Object.entries(BAD_CONFIGS)) {
  Deno.test(`run exits 1 with readable text when the configuration ${what}`, async () => {
    const { exitCode, errors } = await runCli(RUN, { files });
    assert.equal(exitCode, 1);
    assert.match(errors, /^error: config_invalid: /);
    assert.match(errors, message);
    assert.ok(!errors.includes("at file:"), "no stack");
  });
}

Deno.test("run says which key names a file that is not there", async () => {
  const directory = `./reports/test/${crypto.randomUUID()}`;
  const runtime = systemRuntime();
  await runtime.files.ensureDirectory(directory);
  try {
    await Deno.writeTextFile(
      `${directory}/c.yaml`,
      `clusterName: c
stateDir: ${directory}/state
controlPlane: { url: "https://127.0.0.1:1" }
vault: { address: "https://127.0.0.1:1", caFile: ${directory}/ca.pem, auth: { method: token } }
`,
    );
    const { exitCode, errors } = await runCli(["run", "-c", `${directory}/c.yaml`], { runtime });
    assert.equal(exitCode, 1);
    assert.match(errors, /^error: config_invalid: vault\.caFile: there is no file .*ca\.pem/);
    await Deno.writeTextFile(`${directory}/ca.pem`, "no certificate");
    const second = await runCli(["run", "-c", `${directory}/c.yaml`], { runtime });
    assert.match(second.errors, /vault\.caFile: .*ca\.pem holds no certificate/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
Deno.test("run takes its option in every form, read with or without the rest of the command line", async () => {
  for (const form of [["--config", "/a"], ["-c", "/a"], ["--config=/a"], ["-c/a"], []]) {
    const env: Record<string, string> = form.length === 0 ? { NEURALOPS_CONFIG: "/a" } : {};
    const { exitCode, errors } = await runCli(["run", ...form], { env });
    assert.equal(exitCode, 1);
    assert.match(errors, /^error: config_invalid: There is no configuration file \/a/);
  }
  for (const form of [["--config"], ["x"], ["--config", "/a", "x"], ["--conf", "/a"]]) {
    assert.equal((await runCli(["run", ...form])).exitCode, 2, form.join(" "));
  }
});

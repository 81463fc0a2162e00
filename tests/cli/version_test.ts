import assert from "node:assert/strict";
import { parse } from "yaml";
import config from "../../deno.json" with { type: "json" };
import { createKeySigner } from "../../src/embedded/signer.ts";
import type { ThisProcess } from "../../src/runtime.ts";
import { runCli } from "../fakes/cli_io.ts";
import { sha256 } from "../../scripts/release/checksums.ts";

const PATH = "/usr/bin/neuralops-connector";
const PROGRAM = new TextEncoder().encode("the program");
const SUMS = `${sha256(PROGRAM)}  neuralops-connector-linux-x86_64\n${"0".repeat(64)}  other\n`;
const VERIFY = [
  "version",
  "--verify",
  "--bundle",
  "/r/SHA256SUMS.sigstore.json",
  "--key",
  "/r/key",
];

/** A release, signed, and the program installed. */
async function release(sums = SUMS): Promise<Record<string, string | Uint8Array>> {
  const signer = await createKeySigner();
  const bytes = new TextEncoder().encode(sums);
  return {
    [PATH]: PROGRAM,
    "/r/SHA256SUMS": bytes,
    "/r/SHA256SUMS.sigstore.json": JSON.stringify(signer.sign(bytes)),
    "/r/key": signer.publicKeyPem,
  };
}

const compiled: Partial<ThisProcess> = { executable: PATH };

Deno.test("version --verify accepts a program that the signed checksums list", async () => {
  const { exitCode, out, errors } = await runCli(VERIFY, {
    files: await release(),
    thisProcess: compiled,
  });
  assert.deepEqual({ exitCode, errors }, { exitCode: 0, errors: "" });
  assert.match(
    out,
    /^Verified OK: the file neuralops-connector-linux-x86_64 of \/r\/SHA256SUMS, signed by \/r\/key$/m,
  );
  assert.match(out, new RegExp(`digest +sha256:${sha256(PROGRAM)}`));
});

Deno.test("version --verify says the same in JSON and YAML", async () => {
  const parts = { files: await release(), thisProcess: compiled };
  const json = JSON.parse((await runCli([...VERIFY, "-o", "json"], parts)).out);
  assert.equal(json.verified, true);
  assert.equal(json.version, config.version);
  assert.equal(json.sha256, `sha256:${sha256(PROGRAM)}`);
  assert.deepEqual(json.release, { file: "neuralops-connector-linux-x86_64", signer: "/r/key" });
  assert.deepEqual(parse((await runCli([...VERIFY, "-o", "yaml"], parts)).out), json);
});

const REFUSED: Record<string, [Record<string, string | Uint8Array>, string]> = {
  "a program that was changed": [
    { [PATH]: new TextEncoder().encode("the programme") },
    "not_in_release",
  ],
  "checksums that were changed": [{ "/r/SHA256SUMS": SUMS.replace("0", "1") }, "bad_signature"],
  "a bundle that is none": [{ "/r/SHA256SUMS.sigstore.json": "not JSON" }, "malformed_bundle"],
  "another signer's key": [
    { "/r/key": (await createKeySigner()).publicKeyPem },
    "unknown_signer",
  ],
};

for (const [what, [changes, code]] of Object.entries(REFUSED)) {
  Deno.test(`version --verify refuses ${what}`, async () => {
    const parts = { files: { ...await release(), ...changes }, thisProcess: compiled };
    const { exitCode, errors } = await runCli(VERIFY, parts);
    assert.equal(exitCode, 1);
    assert.match(errors, new RegExp(`^REFUSED ${code}: `));
    const json = await runCli([...VERIFY, "-o", "json"], parts);
    assert.equal(json.exitCode, 1);
    const said = JSON.parse(json.out);
    assert.deepEqual([said.verified, said.code], [false, code]);
  });
}

Deno.test("version --verify refuses signed checksums that are none", async () => {
  const files = await release(`${SUMS}not a checksum\n`);
  const { exitCode, errors } = await runCli(VERIFY, { files, thisProcess: compiled });
  assert.equal(exitCode, 1);
  assert.match(errors, /^REFUSED not_in_release: line 3 of the checksums is none/);
});

Deno.test("version --verify refuses to vouch for what has no executable of its own", async () => {
  const { exitCode, errors } = await runCli(VERIFY, { files: await release() });
  assert.equal(exitCode, 1);
  assert.match(errors, /^REFUSED not_in_release: there is no executable/);
});

Deno.test("version --verify without a release says that nothing vouches for it", async () => {
  const { exitCode, out } = await runCli(["version", "--verify"], {
    files: { [PATH]: PROGRAM },
    thisProcess: compiled,
  });
  assert.equal(exitCode, 0);
  assert.match(out, /^Not verified: this is what the program says of itself/m);
  assert.match(out, new RegExp(`digest +sha256:${sha256(PROGRAM)}`));
  const json = await runCli(["version", "--verify", "-o", "json"]);
  const { verified, sha256: digest, executable } = JSON.parse(json.out);
  assert.deepEqual({ verified, digest, executable }, {
    verified: null,
    digest: null,
    executable: null,
  });
});

const { agent, cli } = config.permissions;
const listed = (kind: string, values: readonly string[]) =>
  values.map((value) => `${kind} ${value}`);
const AGENT = [
  "net",
  ...listed("read", agent.read),
  ...listed("write", agent.write),
  ...listed("env", agent.env.allow),
  ...listed("sys", agent.sys),
];
const CLI = ["read", "write", "net", ...listed("env", cli.env.allow), ...listed("sys", cli.sys)];

const HELD: Record<string, [readonly string[], "agent" | "cli" | null]> = {
  "the agent's": [AGENT, "agent"],
  "the command line's": [CLI, "cli"],
  "the agent's, and all programs": [[...AGENT, "run"], null],
  "the agent's without one": [AGENT.slice(0, -1), null],
  "the agent's, and reading everything": [[...AGENT, "read"], null],
  none: [[], null],
};

for (const [what, [held, set]] of Object.entries(HELD)) {
  Deno.test(`version --verify tells the permissions when they are ${what}`, async () => {
    const isGranted = (kind: string, value?: string) =>
      Promise.resolve(held.includes(value === undefined ? kind : `${kind} ${value}`));
    const { out } = await runCli(["version", "--verify", "-o", "json"], {
      thisProcess: { isGranted },
    });
    assert.equal(JSON.parse(out).permissions, set);
  });
}

const MISUSED: Record<string, [string[], RegExp]> = {
  "--bundle without --verify": [["version", "--bundle", "b"], /need --verify/],
  "--bundle without --key": [["version", "--verify", "--bundle", "b"], /go together/],
  "a bundle of another name": [
    ["version", "--verify", "--bundle", "b", "--key", "k"],
    /give --checksums/,
  ],
  "checksums that are not there": [VERIFY, /there is no file \/r\/SHA256SUMS/],
};

for (const [what, [args, message]] of Object.entries(MISUSED)) {
  Deno.test(`version refuses ${what}`, async () => {
    const { exitCode, errors } = await runCli(args, { thisProcess: compiled });
    assert.equal(exitCode, 2);
    assert.match(errors, message);
  });
}

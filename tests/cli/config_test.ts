import assert from "node:assert/strict";
import { parse } from "yaml";
import { createPki } from "../../src/embedded/pki.ts";
import { createKeySigner } from "../../src/embedded/signer.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { runCli } from "../fakes/cli_io.ts";
import { memoryFiles } from "../fakes/memory_files.ts";

const { publicKeyPem } = await createKeySigner();
const POLICY = `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
mode: auto
allow:
  - { name: shop, namespaces: [shop], kinds: [v1/ConfigMap], actions: [apply] }
`;
const CONFIG = `clusterName: edge-1
controlPlane: { url: https://connect.neuralops.example, caFile: /e/ca.pem }
vault: { address: https://vault.example.com, auth: { method: token } }
kubernetes: { mode: inCluster }
listener: { enabled: true, certFile: /e/tls.crt, keyFile: /e/tls.key }
trust: { signers: [{ name: release, keyFile: /e/cosign.pub }] }
execution: { policyFile: /e/policy.yaml }
`;
const FILES = {
  "/e/connector.yaml": CONFIG,
  "/e/policy.yaml": POLICY,
  "/e/cosign.pub": publicKeyPem,
  "/e/ca.pem": "-----BEGIN CERTIFICATE-----\n",
  "/e/tls.crt": "certificate",
  "/e/tls.key": "key",
};

const check = (changes: Record<string, string> = {}, ...args: string[]) =>
  runCli(["config", "check", "--config", "/e/connector.yaml", ...args], {
    files: { ...FILES, ...changes },
  });

Deno.test("config check says what a valid configuration would let happen", async () => {
  const { exitCode, out, errors } = await check();
  assert.equal(exitCode, 0, errors);
  assert.deepEqual(out.split("\n"), [
    "/e/connector.yaml is valid: cluster edge-1, kubernetes inCluster, listener on",
    "Signers: release",
    "Policy: mode auto, allows shop",
  ]);
  const yaml = parse((await check({}, "-o", "yaml")).out);
  assert.deepEqual(yaml.policy, { mode: "auto", allow: ["shop"] });
});

Deno.test("config check says when nothing would be allowed", async () => {
  const [clusterName, controlPlane, vault] = CONFIG.split("\n");
  const { exitCode, out } = await check({
    "/e/connector.yaml": [clusterName, controlPlane, vault].join("\n"),
  });
  assert.equal(exitCode, 0);
  assert.match(out, /Signers: none, so every package is refused/);
  assert.match(out, /Policy: allows nothing, so every package is refused/);
});

const BAD: Record<string, [Record<string, string>, RegExp]> = {
  "an unknown key": [{ "/e/connector.yaml": `${CONFIG}colour: red\n` }, /colour/],
  "a policy that is none": [{ "/e/policy.yaml": "kind: Deployment" }, /The policy is not valid/],
  "more approvals than approvers": [
    { "/e/policy.yaml": `${POLICY}approval: { count: 5 }\n` },
    /approval\.count is 5, but there are only 2 approvers/,
  ],
  "a key that is none": [{ "/e/cosign.pub": "x" }, /release/],
  "a CA file without a certificate": [{ "/e/ca.pem": "x" }, /controlPlane\.caFile: .* no cert/],
  "a stateDir with no room for a socket": [
    { "/e/connector.yaml": `${CONFIG}stateDir: /${"x".repeat(95)}\n` },
    /stateDir: has 96 bytes, and more than 95 leave no room .* choose a shorter path/,
  ],
  "a query of each node where no node is named": [
    {
      "/e/connector.yaml": `${CONFIG}prometheus: { url: https://p }
signals: { queries: [{ name: load, expr: 'node_load1{node="$node"}', scope: node }] }
`,
    },
    /load has scope node, but nodeName does not say which node this is/,
  ],
  "a client certificate that is not there": [
    {
      "/e/connector.yaml":
        `${CONFIG}prometheus: { url: https://p, clientCertFile: /e/tls.crt, clientKeyFile: /e/gone.key }\n`,
    },
    /prometheus\.clientKeyFile: there is no file \/e\/gone\.key/,
  ],
  "a file that is not there": [
    { "/e/connector.yaml": CONFIG.replace("/e/tls.key", "/e/gone.key") },
    /listener\.keyFile: there is no file \/e\/gone\.key/,
  ],
};

Deno.test("config check tries certificates and keys as the agent would", async () => {
  const pki = await createPki();
  const [one, other] = [await pki.issue("one"), await pki.issue("other")];
  const tried = async (ca: string, cert: string, key: string) => {
    const changes = { "/e/ca.pem": ca, "/e/tls.crt": cert, "/e/tls.key": key };
    const files = memoryFiles({ ...FILES, ...changes });
    return await runCli(["config", "check", "--config", "/e/connector.yaml"], {
      runtime: { ...systemRuntime(), files },
    });
  };
  assert.equal((await tried(pki.caPem, one.certPem, one.keyPem)).exitCode, 0);
  const mixed = await tried(pki.caPem, one.certPem, other.keyPem);
  assert.equal(mixed.exitCode, 1);
  assert.match(mixed.errors, /listener\.certFile and keyFile: cannot be used: .*KeyMismatch/);
  const cut = await tried(pki.caPem.slice(0, 200), one.certPem, one.keyPem);
  assert.equal(cut.exitCode, 1);
  assert.match(cut.errors, /controlPlane\.caFile: cannot be used/);
});

for (const [what, [changes, expected]] of Object.entries(BAD)) {
  Deno.test(`config check refuses ${what}`, async () => {
    const { exitCode, out, errors } = await check(changes);
    assert.equal(exitCode, 1, out);
    assert.match(errors, expected);
  });
}

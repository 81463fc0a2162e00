import assert from "node:assert/strict";
import * as z from "zod";
import { ENVIRONMENT } from "../../src/config/environment.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ConfigSchema } from "../../src/config/schema.ts";
import { StalledError } from "../../src/errors.ts";

const folder = new URL("../testdata/config/", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, folder));
const MINIMAL = await read("minimal.good.yaml");
const FULL = await read("full.good.yaml");
const NO_VARIABLES = () => undefined;

function parse(text: string, env: (name: string) => string | undefined = NO_VARIABLES) {
  return parseConfig(text, env, "connector.yaml");
}

function refusal(text: string, env = NO_VARIABLES as (name: string) => string | undefined): string {
  try {
    parse(text, env);
  } catch (error) {
    assert.ok(error instanceof StalledError, String(error));
    assert.equal(error.code, "config_invalid");
    return error.message;
  }
  throw new assert.AssertionError({ message: "was accepted" });
}

Deno.test("parseConfig fills in the defaults", () => {
  const config = parse(MINIMAL);
  assert.equal(config.stateDir, "/var/lib/neuralops-connector");
  assert.equal(config.controlPlane.timeout, 30_000);
  assert.deepEqual(config.kubernetes, { mode: "none" });
  assert.equal(config.listener.enabled, false);
  assert.deepEqual(config.trust.signers, []);
  assert.equal(config.prometheus, undefined);
});

Deno.test("parseConfig takes a stateDir in which a socket has room, and any without one", () => {
  const longest = `/${"é".repeat(47)}`;
  assert.equal(parse(`${MINIMAL}\nstateDir: ${longest}\n`).stateDir, longest);
  const longer = `${longest}x`;
  assert.match(refusal(`${MINIMAL}\nstateDir: ${longer}\n`), /stateDir: has 96 bytes, and more/);
  const quiet = `${MINIMAL}\nstateDir: ${longer}\nadminSocket: false\n`;
  assert.equal(parse(quiet).stateDir, longer);
});

Deno.test("parseConfig reads every section, durations in milliseconds", () => {
  const config = parse(FULL);
  assert.equal(config.signals.window, 90_000);
  assert.equal(config.signals.queries[1]!.step, 15_000);
  assert.equal(config.audit.s3?.retention, 365 * 86_400_000);
  assert.equal(config.trust.signers[1]!.transparencyLog, "required");
});

Deno.test("parseConfig fills in the times of an election, in milliseconds", () => {
  const text = `${MINIMAL}
kubernetes: { mode: inCluster, leaderElection: { namespace: ops }, journal: { namespace: ops } }
`;
  assert.deepEqual(parse(text).kubernetes, {
    mode: "inCluster",
    leaderElection: {
      namespace: "ops",
      name: "neuralops-connector",
      leaseDuration: 15_000,
      renewDeadline: 10_000,
      retryPeriod: 2000,
    },
    journal: { namespace: "ops", secretName: "neuralops-journal-key" },
  });
});

Deno.test("parseConfig reads JSON as well", () => {
  const config = parse(JSON.stringify({
    clusterName: "edge-1",
    controlPlane: { url: "https://control.example" },
    vault: { address: "https://vault.example", auth: { method: "token" } },
  }));
  assert.equal(config.clusterName, "edge-1");
});

// Each bad file says what every line of the refusal must hold; after a `!`, what none may.
for await (const { name } of Deno.readDir(folder)) {
  if (!name.endsWith(".bad.yaml")) continue;
  const text = await read(name);
  const expected = [...text.matchAll(/^# expect (.*)$/gm)].map((match) => match[1]!);
  Deno.test(`parseConfig refuses ${name.replace(".bad.yaml", "").replaceAll("_", " ")}`, () => {
    const message = refusal(text);
    assert.ok(message.startsWith("connector.yaml "), message);
    assert.ok(expected.length > 0);
    for (const part of expected) {
      if (part.startsWith("!")) assert.ok(!message.includes(part.slice(1)), message);
      else assert.ok(message.includes(part), message);
    }
  });
}

Deno.test("parseConfig refuses bytes that are not UTF-8", () => {
  assert.throws(() => parseConfig(new Uint8Array([0xff, 0xfe]), NO_VARIABLES, "c.yaml"), {
    code: "config_invalid",
  });
});

Deno.test("parseConfig lets every variable win over the file", () => {
  const values: Record<string, string> = {
    NEURALOPS_CLUSTER_NAME: "from-env",
    NEURALOPS_NODE_NAME: "from-env-2.example.com",
    NEURALOPS_STATE_DIR: "/from/env",
    NEURALOPS_LOG_LEVEL: "error",
    NEURALOPS_CONTROL_PLANE_URL: "https://from.env/control",
    NEURALOPS_VAULT_ADDRESS: "https://from.env/vault",
    NEURALOPS_PROMETHEUS_URL: "https://from.env/prometheus",
  };
  assert.deepEqual(Object.keys(values), Object.keys(ENVIRONMENT));
  for (const text of [MINIMAL, FULL]) {
    const config = parse(text, (name) => values[name]);
    for (const [variable, path] of Object.entries(ENVIRONMENT)) {
      const found = path.reduce<unknown>(
        (inner, key) => (inner as Record<string, unknown>)[key],
        config,
      );
      assert.equal(found, values[variable], variable);
    }
  }
});

Deno.test("parseConfig takes the node of its queries from the file or from a variable", async () => {
  const text = await read("node.good.yaml");
  assert.equal(parse(text).nodeName, "worker-1.example.com");
  const withoutName = text.replace(/^nodeName: .*$/m, "");
  const env = (name: string) => name === "NEURALOPS_NODE_NAME" ? "worker-2" : undefined;
  assert.equal(parse(withoutName, env).nodeName, "worker-2");
});

Deno.test("parseConfig takes an empty variable for none", () => {
  assert.equal(parse(MINIMAL, () => "").clusterName, "edge-1");
});

Deno.test("parseConfig names the variables that took part in a mistake", () => {
  const env = (name: string) => name === "NEURALOPS_VAULT_ADDRESS" ? "http://vault" : undefined;
  assert.match(
    refusal(MINIMAL, env),
    /^connector\.yaml, with NEURALOPS_VAULT_ADDRESS, is not valid:\n {2}vault\.address: must be/,
  );
});

Deno.test("parseConfig does not let a variable hide a section of the wrong type", () => {
  const env = (name: string) => name === "NEURALOPS_VAULT_ADDRESS" ? "https://v" : undefined;
  const text = MINIMAL.replace(/^vault:.*$/m, "vault: here");
  assert.match(refusal(text, env), /vault: must be of type mapping \(is "here"\)/);
});

Deno.test("parseConfig does not let a variable repair an empty file", () => {
  assert.match(refusal("", () => "x"), /is empty/);
});

Deno.test("parseConfig returns what nobody can change", () => {
  const isFrozen = (value: unknown): boolean =>
    typeof value !== "object" || value === null ||
    (Object.isFrozen(value) && Object.values(value).every(isFrozen));
  assert.ok(isFrozen(parse(FULL)));
  assert.ok(isFrozen(parse(MINIMAL)));
});

Deno.test("the agent may read every variable that the configuration knows", async () => {
  const path = new URL("../../deno.json", import.meta.url);
  const { permissions } = JSON.parse(await Deno.readTextFile(path));
  for (const name of Object.keys(ENVIRONMENT)) {
    assert.ok(permissions.agent.env.allow.includes(name), `${name} would be read as not set`);
  }
});

Deno.test("no key of the configuration holds a secret: only names of files and Secrets, and places in Vault", () => {
  const keys: string[] = [];
  const walk = (node: z.core.JSONSchema.BaseSchema, path: string) => {
    for (const [key, inner] of Object.entries(node.properties ?? {})) {
      keys.push(`${path}${key}`);
      walk(inner as z.core.JSONSchema.BaseSchema, `${path}${key}.`);
    }
    for (const inner of [...node.anyOf ?? [], ...node.oneOf ?? []]) walk(inner, path);
    if (node.items) walk(node.items as z.core.JSONSchema.BaseSchema, `${path}[].`);
  };
  walk(z.toJSONSchema(ConfigSchema, { io: "input" }), "");
  const suspects = keys.filter((key) => /secret|password|token|credential|key/i.test(key));
  assert.ok(suspects.length > 5);
  for (const key of suspects) assert.match(key, /(File|VaultPath|secretName)$/, key);
});

Deno.test("parseConfig reads file roots, for a host without a cluster too", async () => {
  const { execution } = parseConfig(await read("edge.good.yaml"), () => undefined, "c.yaml");
  assert.deepEqual(execution.files.roots, [
    { name: "web", maxMode: 0o644, maxBytes: 1_048_576 },
    {
      name: "units",
      path: "/var/lib/neuralops-connector/units",
      maxMode: 0o755,
      maxBytes: 65_536,
      owner: { uid: 0, gid: 0 },
    },
  ]);
});

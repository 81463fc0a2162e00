/** The whole story of `simulate`, with every peer real that there is, on both ends of the supported versions. */
import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import { FOLDER } from "../../scripts/testbed/testbed.ts";
import { CONFIG_FILE } from "../../scripts/testbed/user_files.ts";
import { realTest, testbed } from "./peers.ts";
import { type Finished, RunningProgram, runToEnd } from "./process.ts";

const PEERS = ["Kubernetes", "Vault (OpenBao)", "S3 (MinIO)", "prometheus"];
const LIMIT_MS = 150_000;

realTest("simulate passes with every peer real", PEERS, async () => {
  await assertPasses(CONFIG_FILE, testbed.kubernetes!.version);
});

realTest(
  "simulate passes on the oldest supported Kubernetes",
  [...PEERS, "Kubernetes, oldest"],
  async () => {
    const config = parse(await Deno.readTextFile(CONFIG_FILE));
    config.kubernetes.kubeconfig = `./${testbed.oldestKubernetes!.folder}/connector.kubeconfig`;
    await withFile(
      stringify(config),
      (path) => assertPasses(path, testbed.oldestKubernetes!.version),
    );
  },
);

Deno.test("simulate says what a real peer takes when it is not there", () =>
  withFile(stringify({ prometheus: { url: "https://127.0.0.1:1" } }), async (path) => {
    const { code, stderr } = await runToEnd(Deno.execPath(), { args: simulate(path) });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error: Prometheus at https:\/\/127\.0\.0\.1:1: /m);
    const { missing } = JSON.parse(await Deno.readTextFile("./reports/phaseB_prereqs.json"));
    assert.equal(missing[0].peer, "Prometheus");
    assert.match(missing[0].takes, /query_range/);
  }));

Deno.test("simulate refuses a file that names no peer", () =>
  withFile("clusterName: shop\n", async (path) => {
    const { code, stderr }: Finished = await runToEnd(Deno.execPath(), { args: simulate(path) });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /has none of vault, prometheus, kubernetes and audit\.s3/);
  }));

async function assertPasses(path: string, kubernetes: string): Promise<void> {
  const program = new RunningProgram(Deno.execPath(), { args: simulate(path) });
  try {
    assert.equal(await program.end(LIMIT_MS), 0, program.tail());
  } finally {
    await program.kill();
  }
  const peers = program.lines.slice(program.lines.lastIndexOf("Peers"));
  for (const name of ["Vault", "Prometheus", "Kubernetes API", "S3"]) {
    assert.ok(peers.some((line) => new RegExp(`^${name} +real +https:`).test(line)), name);
  }
  assert.ok(program.lines.some((line) => line.includes(`kubernetes v${kubernetes}`)));
  assert.ok(!program.lines.some((line) => line.includes("FAIL")));
}

function simulate(path: string): string[] {
  const permissions = ["-P=simulate", "--no-prompt", "--quiet"];
  return ["run", ...permissions, "main.ts", "simulate", "--config", path];
}

async function withFile(text: string, work: (path: string) => Promise<void>): Promise<void> {
  const path = `./${FOLDER}-${crypto.randomUUID()}.yaml`;
  await Deno.writeTextFile(path, text);
  try {
    await work(path);
  } finally {
    await Deno.remove(path);
  }
}

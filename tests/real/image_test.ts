/** The images under podman and runc, as docs/image.md runs them: what they may do, and that they work so. */
import assert from "node:assert/strict";
import { HARDENED } from "../../scripts/image/hardened.ts";
import { print } from "../../scripts/testbed/print.ts";
import { type FlavourName, imageOf, imageTest } from "./image.ts";
import { pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { configMap, workPackage } from "./package.ts";
import { CONFIG_FOLDER, packConfig, STATE_FOLDER } from "./packed_config.ts";
import { Podman } from "./podman.ts";
import { trustNewSigner, withGround } from "./running_agent.ts";

const PROBE = "tests/real/image_probe.ts";
const AUTOMATIC = `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
mode: auto
auto: { maxRisk: low, namespaces: [shop], actions: [apply] }
allow:
  - { name: shop, namespaces: [shop], kinds: [v1/ConfigMap], actions: [apply] }
`;
const PROGRAMS: Readonly<Record<FlavourName, string>> = {
  compiled: "/usr/bin/neuralops-connector",
  deno: "/usr/bin/deno",
};

for (const flavour of Object.keys(PROGRAMS) as FlavourName[]) {
  imageTest(`the image under podman (${flavour})`, flavour, ["podman"], async (context) => {
    const { archive, name } = imageOf(flavour);
    await using podman = await Podman.open(archive);
    await context.step("says what it is", () => describes(podman, name, PROGRAMS[flavour]));
    await context.step(
      "runs as nobody, may nothing, and writes to its state only",
      () => isConfined(podman, name),
    );
    await context.step(
      "carries out a package, and ends well when it is told to",
      () => works(podman, name),
    );
  });
}

async function describes(podman: Podman, image: string, program: string): Promise<void> {
  const { Config } = JSON.parse(await podman.run("image", "inspect", image))[0];
  assert.equal(Config.User, "65532:65532");
  assert.equal(Config.Entrypoint[0], program);
  assert.deepEqual(Config.Cmd, ["run", "--config", `${CONFIG_FOLDER}/connector.yaml`]);
  const version = await podman.run("run", "--rm", "--network=none", ...HARDENED, image, "version");
  const label = Config.Labels["org.opencontainers.image.version"];
  assert.match(version, new RegExp(`^neuralops-connector ${label}\\b`));
}

async function isConfined(podman: Podman, image: string): Promise<void> {
  await withGround(async (ground) => {
    const state = await makeFolder(ground.directory, "state");
    const report = await podman.run(
      ...["run", "--rm", "--network=none", ...HARDENED],
      ...["--volume", `${state}:${STATE_FOLDER}:U`],
      ...["--volume", `${Deno.execPath()}:/probe/deno:ro`],
      ...["--volume", `${Deno.cwd()}/${PROBE}:/probe/probe.ts:ro`],
      ...["--env=DENO_DIR=/nowhere", "--entrypoint=/probe/deno", image],
      ...["run", "--allow-all", "--quiet", "--no-config", "--no-lock", "/probe/probe.ts"],
    );
    const { writes, ...rest } = JSON.parse(report);
    assert.deepEqual(rest, {
      uid: "65532",
      gid: "65532",
      effective: "0000000000000000",
      bounding: "0000000000000000",
      noNewPrivileges: "1",
      seccomp: "2",
    });
    const { [STATE_FOLDER]: ofState, ...elsewhere } = writes;
    assert.equal(ofState, "written");
    for (const [place, result] of Object.entries(elsewhere)) assert.equal(result, "EROFS", place);
  });
}

async function works(podman: Podman, image: string): Promise<void> {
  await withGround(async (ground) => {
    const { signer, trust } = await trustNewSigner(ground);
    const execution = { policyFile: await ground.write("auto.yaml", AUTOMATIC) };
    const files = await packConfig(ground, { trust, execution });
    const config = await makeFolder(ground.directory, "config");
    for (const [name, text] of files) await Deno.writeTextFile(`${config}/${name}`, text);
    const state = await makeFolder(ground.directory, "state");
    const begun = performance.now();
    const agent = podman.start(
      ...["--network=host", ...HARDENED],
      ...["--volume", `${config}:${CONFIG_FOLDER}:ro`],
      ...["--volume", `${state}:${STATE_FOLDER}:U`],
      image,
    );
    try {
      const port = await agent.until("agent_started", (line) => {
        const fields = line.startsWith("{") ? JSON.parse(line) : {};
        return fields.event === "agent_started" ? fields.listener as number : undefined;
      });
      print(`the agent had started ${Math.round(performance.now() - begun)} ms after podman was`);
      const clusterId = await registeredCluster(ground);
      const bytes = workPackage({ clusterId, manifest: configMap("packed", { from: "image" }) });
      const id = await pushAccepted(ground, port, bytes, signer.sign(bytes));
      await untilReceipt(ground, id, "succeeded");
      assert.equal(await agent.stop(), 0, agent.tail());
    } finally {
      await agent.kill();
    }
  });
}

/** Absolute; podman gives it away to whoever the image runs as. */
async function makeFolder(parent: string, name: string): Promise<string> {
  await Deno.mkdir(`${parent}/${name}`);
  return await Deno.realPath(`${parent}/${name}`);
}

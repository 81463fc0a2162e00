import assert from "node:assert/strict";
import { live, type LoadedConfig } from "../../src/agent/lifetime.ts";
import type { World } from "../../src/cli/simulate/world.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { StalledError, TransientError } from "../../src/errors.ts";
import type { Clock } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { until, withWorld } from "../fakes/agent_world.ts";
import { hurriedClock } from "../fakes/hurried_clock.ts";
import { fakeManager, NOTIFY_SOCKET } from "../fakes/service_manager.ts";

type Fields = Record<string, unknown>;

interface Life {
  readonly manager: ReturnType<typeof fakeManager>;
  /** Log lines with this event. */
  logged(event: string): Fields[];
  /** Asks for a reload that finds this, and waits until it is over. */
  reload(next: Config | Error): Promise<void>;
  stop(): Promise<boolean>;
}
type Config = LoadedConfig["config"];

const digestOf = (config: Config) => `digest of ${config.clusterName} ${config.logLevel}`;

function begin(
  world: World,
  {
    env = { NOTIFY_SOCKET } as Record<string, string>,
    manager = fakeManager(),
    files = systemFiles,
    clock = world.clock as Clock,
  } = {},
): Life {
  const lines: string[] = [];
  const stopped = Promise.withResolvers<void>();
  let hangUp = Promise.withResolvers<void>();
  let found: Config | Error = world.config;
  const living = live(
    () =>
      found instanceof Error
        ? Promise.reject(found)
        : Promise.resolve({ config: found, digest: digestOf(found) }),
    {
      runtime: { ...systemRuntime(clock), files, datagrams: manager.datagrams },
      env: (name) => env[name],
      hostname: "host-1",
      writeLog: (line) => lines.push(line),
    },
    {
      stopped: stopped.promise,
      nextReload: async () => {
        await hangUp.promise;
        hangUp = Promise.withResolvers();
      },
    },
  );
  living.catch(() => {});
  const logged = (event: string) =>
    lines.map((line) => JSON.parse(line) as Fields).filter((fields) => fields.event === event);
  return {
    manager,
    logged,
    async reload(next) {
      found = next;
      const before = manager.states().length;
      hangUp.resolve();
      await until(() => manager.states().length >= before + 2);
    },
    async stop() {
      stopped.resolve();
      return await living;
    },
  };
}

/** What the audit log of the world's agent holds, by type. */
async function audited(world: World, type: string): Promise<Fields[]> {
  const folder = `${world.config.stateDir}/audit`;
  const found: Fields[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".jsonl")) continue;
    for (const line of (await Deno.readTextFile(`${folder}/${name}`)).trim().split("\n")) {
      const record = JSON.parse(line);
      if (record.type === type) found.push(record.data);
    }
  }
  return found;
}

const isReady = (life: Life) => () => life.manager.states().includes("READY=1");

Deno.test("the service manager is told of the start, of life, and of the end", () =>
  withWorld(async (world) => {
    const life = begin(world, { env: { NOTIFY_SOCKET, WATCHDOG_USEC: "10000" } });
    const { manager } = life;
    await until(() => manager.told.filter((line) => line === "WATCHDOG=1").length > 2);
    assert.ok(manager.told.some((line) => line.startsWith("STATUS=")));
    assert.equal(await life.stop(), true);
    assert.deepEqual(manager.states(), ["READY=1", "STOPPING=1"]);
    assert.equal(manager.isOpen(), false);
  }));

Deno.test("an agent that nobody watches, or cannot tell anybody, does its work", () =>
  withWorld(async (world) => {
    const alone = begin(world, { env: {} });
    await until(() => alone.logged("agent_started").length === 1);
    assert.equal(await alone.stop(), true);
    assert.deepEqual(alone.manager.told, []);

    const abstract = begin(world, { env: { NOTIFY_SOCKET: "@elsewhere" } });
    await until(() => abstract.logged("service_manager_not_told").length === 1);
    assert.match(String(abstract.logged("service_manager_not_told")[0]!.reason), /no path/);
    assert.equal(await abstract.stop(), true);

    const deaf = begin(world, { manager: fakeManager({ isDeaf: true }) });
    await until(() => deaf.logged("service_manager_not_told").length > 0);
    assert.equal(await deaf.stop(), true);
  }));

Deno.test("a good configuration is taken over, on record with what was and what is", () =>
  withWorld(async (world) => {
    const life = begin(world);
    await until(isReady(life));
    const next: Config = { ...world.config, logLevel: "error" };
    await life.reload(next);
    assert.deepEqual(life.manager.states(), ["READY=1", "RELOADING=1", "READY=1"]);
    assert.deepEqual(await audited(world, "agent.reloading"), [
      { from: digestOf(world.config), to: digestOf(next) },
    ]);
    assert.equal((await audited(world, "agent.started")).length, 2);
    assert.equal(life.logged("agent_started").length, 1, "the new level holds");
    assert.equal(await life.stop(), true);
  }));

const REFUSED: Record<string, [(world: World) => Config | Error, RegExp]> = {
  "is no configuration": [
    () => new StalledError("config_invalid", "clusterName: is missing"),
    /config_invalid: clusterName: is missing/,
  ],
  "names a policy that is not there": [
    ({ config }) => ({
      ...config,
      execution: { ...config.execution, policyFile: `${config.stateDir}/nowhere.yaml` },
    }),
    /execution\.policyFile: there is no file/,
  ],
  "names another state directory": [
    ({ config }) => ({ ...config, stateDir: `${config.stateDir}-2` }),
    /stateDir was .* and cannot become .*-2 while the connector runs \(stop it, move/,
  ],
};

for (const [what, [make, reason]] of Object.entries(REFUSED)) {
  Deno.test(`a configuration that ${what} is refused, on record, and the agent is not disturbed`, () =>
    withWorld(async (world) => {
      const life = begin(world);
      await until(isReady(life));
      await life.reload(make(world));
      assert.match(String(life.logged("reload_refused")[0]!.reason), reason);
      assert.deepEqual(await audited(world, "agent.reload_refused"), [
        { kept: digestOf(world.config), code: "config_invalid" },
      ]);
      assert.equal((await audited(world, "agent.started")).length, 1);
      assert.deepEqual(life.manager.states(), ["READY=1", "RELOADING=1", "READY=1"]);
      assert.equal(await life.stop(), true);
    }));
}

Deno.test("a configuration that the log cannot have on record is refused", () =>
  withWorld(async (world) => {
    let isFull = false;
    const files: typeof systemFiles = {
      ...systemFiles,
      async openAppend(path) {
        const file = await systemFiles.openAppend(path);
        const full = () => Promise.reject(new TransientError("disk_full", "no space left"));
        return { ...file, append: (bytes) => isFull ? full() : file.append(bytes) };
      },
    };
    const life = begin(world, { files });
    await until(isReady(life));
    isFull = true;
    await life.reload({ ...world.config, logLevel: "debug" });
    assert.match(String(life.logged("reload_refused")[0]!.reason), /audit_unavailable/);
    assert.equal(life.logged("agent_stopped").length, 0);
    isFull = false;
    assert.equal(await life.stop(), true);
  }));

Deno.test("a configuration that does not start is refused, and the one before starts again", () =>
  withWorld(async (world) => {
    const life = begin(world);
    await until(isReady(life));
    // An address of no machine: known only to a listener that opens.
    const listener = { ...world.config.listener, address: "192.0.2.1" };
    await life.reload({ ...world.config, listener });
    assert.match(String(life.logged("reload_refused")[0]!.reason), /Cannot listen on/);
    assert.equal(life.logged("agent_started").length, 2);
    assert.equal((await audited(world, "agent.reloading")).length, 1);
    assert.equal((await audited(world, "agent.reload_refused")).length, 1);
    assert.equal(await life.stop(), true);
  }));

Deno.test("an agent whose first configuration is bad does not start", () =>
  withWorld(async (world) => {
    const execution = { ...world.config.execution, policyFile: "/nowhere.yaml" };
    const bad = { ...world, config: { ...world.config, execution } };
    const life = begin(bad);
    await assert.rejects(life.stop(), { code: "config_invalid" });
    assert.deepEqual(life.manager.told, []);
  }));

Deno.test("an authority that was renewed on the disk is taken over, and one half written is not", () =>
  withWorld(async (world) => {
    const caFile = world.config.controlPlane.caFile!;
    const { caPem } = await createPki();
    const life = begin(world, { clock: hurriedClock(world.clock) });
    await until(isReady(life));
    // Whole at once: a look in between would be another change.
    const put = async (text: string) => {
      await Deno.writeTextFile(`${caFile}.new`, text);
      await Deno.rename(`${caFile}.new`, caFile);
    };
    await put(caPem.slice(0, 200));
    await until(() => life.logged("reload_refused").length === 1);
    assert.match(String(life.logged("reload_refused")[0]!.reason), /controlPlane\.caFile/);
    assert.equal(life.logged("agent_started").length, 1);
    await put(world.pki.caPem + caPem);
    await until(() => life.logged("agent_started").length === 2);
    const digest = digestOf(world.config);
    assert.deepEqual(await audited(world, "agent.reloading"), [{ from: digest, to: digest }]);
    assert.equal(life.logged("reload_refused").length, 1, "told once for each change");
    assert.equal(await life.stop(), true);
  }));

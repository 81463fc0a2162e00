/** The embedded Vault and control plane on one clock, and what the loops need besides. */
import type { AuditEntry, AuditLog } from "../../src/core/audit.ts";
import { generateKeyPem, keyFromPem } from "../../src/core/connector_key.ts";
import { HealthBoard } from "../../src/core/health.ts";
import type { RegisterRequest } from "../../src/core/protocol.ts";
import { Session } from "../../src/core/session.ts";
import { ControlPlane } from "../../src/adapters/control_plane.ts";
import { Peer } from "../../src/adapters/peer.ts";
import { RegistrationFile } from "../../src/adapters/registration_file.ts";
import { VaultSession } from "../../src/adapters/vault.ts";
import { fetchIdentityKeys } from "../../src/embedded/control_plane/registrar.ts";
import {
  type ControlPlaneStartOptions,
  startControlPlane,
} from "../../src/embedded/control_plane/start.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { startVault } from "../../src/embedded/vault.ts";
import { RegistrationLoop } from "../../src/loops/registration.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { createMetrics } from "../../src/metrics.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { FakeClock } from "./fake_clock.ts";

export const CLUSTER: RegisterRequest["cluster"] = {
  name: "edge-1",
  uid: "0b0c1f5e-8a54-4a8e-9d5c-3f2f6f9a1c11",
  kind: "kubernetes",
  hostname: "node-1",
  labels: { region: "eu" },
  versions: { connector: "0.1.0" },
  capabilities: ["signals"],
};

export class MemoryAudit implements AuditLog {
  readonly entries: AuditEntry[] = [];

  record(entry: AuditEntry) {
    this.entries.push(entry);
    return Promise.resolve({ sequence: this.entries.length - 1, hash: "" });
  }

  types(): string[] {
    return this.entries.map(({ type }) => type);
  }
}

/** A folder under ./reports that goes when the test ends. */
export async function createStateDir(): Promise<{ path: string } & AsyncDisposable> {
  const path = `./reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(path, { recursive: true });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

export interface FixtureOptions extends Partial<ControlPlaneStartOptions> {
  readonly identityTtlSeconds?: number;
}

export type ControlPlaneFixture = Awaited<ReturnType<typeof createControlPlaneFixture>>;

export async function createControlPlaneFixture(options: FixtureOptions = {}) {
  const clock = new FakeClock();
  const runtime = systemRuntime(clock);
  const pki = await createPki();
  const { identityTtlSeconds = 300, ...controlPlaneOptions } = options;
  const vault = await startVault({ pki, clock, identityTtlSeconds });
  const controlPlane = await startControlPlane({
    pki,
    clock,
    identity: {
      issuer: vault.issuer,
      audience: vault.identityAudience,
      keys: () => fetchIdentityKeys(vault.issuer, pki.caPem),
    },
    ...controlPlaneOptions,
  });
  const stateDir = await createStateDir();
  const key = await keyFromPem(await generateKeyPem());
  const mask = new SecretMask();
  const logLines: string[] = [];
  const logger = new JsonLogger(clock, (line) => logLines.push(line), "debug", mask);
  const health = new HealthBoard(() => clock.now());
  const metrics = createMetrics();
  const audit = new MemoryAudit();
  const session = new Session(() => clock.monotonic());
  const vaultToken = vault.createToken();
  const vaultSession = new VaultSession(
    runtime,
    {
      address: vault.url,
      caPem: pki.caPem,
      auth: { method: "token", token: vaultToken },
      identityRole: "neuralops-connector",
      timeoutMs: 10_000,
    },
    mask,
    metrics,
  );
  const peer = new Peer(runtime, {
    name: "control plane",
    baseUrl: controlPlane.url,
    caPem: pki.caPem,
    timeoutMs: 10_000,
    maxResponseBytes: 1024 * 1024,
  });
  const api = new ControlPlane(peer, session);
  const ports = { clock, random: runtime.random, health, logger, metrics };
  const store = new RegistrationFile(runtime.files, stateDir.path);
  const registration = new RegistrationLoop({
    ...ports,
    audit,
    identity: vaultSession,
    api,
    store,
    session,
    key,
    audience: controlPlane.url,
    cluster: () => Promise.resolve(CLUSTER),
  });
  const stopping = new AbortController();
  const running: Promise<void>[] = [];

  return {
    clock,
    runtime,
    pki,
    vault,
    vaultToken,
    vaultSession,
    controlPlane,
    stateDir: stateDir.path,
    key,
    mask,
    logLines,
    health,
    metrics,
    audit,
    session,
    api,
    ports,
    store,
    registration,
    signal: stopping.signal,
    /** Runs a loop until the fixture goes. */
    start(loop: { run(signal: AbortSignal): Promise<void> }): void {
      running.push(loop.run(stopping.signal));
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await Promise.all(running);
      vaultSession.close();
      peer.close();
      await controlPlane.close();
      await vault.close();
      await stateDir[Symbol.asyncDispose]();
    },
  };
}

/** Who owns the proof decides; here it is tried to pass for someone else. */
import assert from "node:assert/strict";
import { type Decision, proofName } from "../../src/core/ownership_proof.ts";
import type { Challenges } from "../../src/execution/challenges.ts";
import type { Files, Ownership } from "../../src/runtime.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { OWN_UID } from "../fakes/execution_stand.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { openChallenges } from "../fakes/open_challenges.ts";

const APPROVE: Decision = { decision: "approve", executionId: "wpx-1", planDigest: "sha256:1" };

interface Fixture {
  readonly challenges: Challenges;
  readonly folder: string;
  readonly clock: FakeClock;
  /** Where the proof of APPROVE is to be, with its nonce. */
  challenge(): Promise<{ nonce: string; path: string }>;
}

async function withChallenges(
  work: (fixture: Fixture) => Promise<void>,
  wrap: (files: Files) => Partial<Files> = () => ({}),
): Promise<void> {
  const stateDir = `./reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(stateDir, { recursive: true });
  const clock = new FakeClock();
  const system = systemRuntime();
  const runtime = { ...system, files: { ...system.files, ...wrap(system.files) } };
  try {
    const challenges = await openChallenges({ runtime }, stateDir, { clock });
    const folder = `${stateDir}/challenges`;
    await work({
      challenges,
      folder,
      clock,
      async challenge() {
        const { nonce } = await challenges.issue();
        return { nonce, path: `${folder}/${proofName(nonce, APPROVE)}` };
      },
    });
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
}

const UNPROVEN = { code: "approver_unproven" };

Deno.test("a proof names its owner once, and is gone afterwards", () =>
  withChallenges(async ({ challenges, challenge, folder }) => {
    const { nonce, path } = await challenge();
    await Deno.mkdir(path, { mode: 0o700 });
    assert.equal(await challenges.redeem(nonce, APPROVE), OWN_UID);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    await Deno.mkdir(path, { mode: 0o700 });
    await assert.rejects(challenges.redeem(nonce, APPROVE), UNPROVEN);
  }));

const FORGERIES: Record<string, (path: string, folder: string) => Promise<void>> = {
  "nothing": () => Promise.resolve(),
  "a file": (path) => Deno.writeTextFile(path, "", { mode: 0o600 }),
  "a hard link to another's file": async (path, folder) => {
    await Deno.writeTextFile(`${folder}/../of-victim`, "");
    await Deno.link(`${folder}/../of-victim`, path);
  },
  "a directory that others may write, and could have moved": async (path) => {
    await Deno.mkdir(path);
    await Deno.chmod(path, 0o777);
  },
};

for (const [what, forge] of Object.entries(FORGERIES)) {
  Deno.test(`${what} in the place of a proof proves nothing`, () =>
    withChallenges(async ({ challenges, challenge, folder }) => {
      const { nonce, path } = await challenge();
      await forge(path, folder);
      await assert.rejects(challenges.redeem(nonce, APPROVE), UNPROVEN);
      await Deno.remove(path).catch(() => {});
      await Deno.mkdir(path, { mode: 0o700 });
      await assert.rejects(challenges.redeem(nonce, APPROVE), UNPROVEN, "one try");
    }));
}

Deno.test("what is mounted over a proof proves nothing, whatever owner it claims", () => {
  let mounted = false;
  return withChallenges(
    async ({ challenges, challenge }) => {
      const { nonce, path } = await challenge();
      await Deno.mkdir(path, { mode: 0o700 });
      mounted = true;
      await assert.rejects(challenges.redeem(nonce, APPROVE), UNPROVEN);
    },
    (files) => ({
      async owner(path): Promise<Ownership | null> {
        const owner = await files.owner(path);
        return owner && mounted ? { ...owner, uid: 0, device: owner.device + 1 } : owner;
      },
    }),
  );
});

Deno.test("a proof of one decision proves no other", () =>
  withChallenges(async ({ challenges, challenge }) => {
    const others: Decision[] = [
      { ...APPROVE, planDigest: "sha256:2" },
      { ...APPROVE, executionId: "wpx-2" },
      { decision: "reject", executionId: "wpx-1", reason: "no" },
    ];
    for (const other of others) {
      const { nonce, path } = await challenge();
      await Deno.mkdir(path, { mode: 0o700 });
      await assert.rejects(challenges.redeem(nonce, other), UNPROVEN);
    }
  }));

Deno.test("a challenge lasts a minute, and a nonce that nobody gave out none", () =>
  withChallenges(async ({ challenges, challenge, folder, clock }) => {
    const { nonce, path } = await challenge();
    await Deno.mkdir(path, { mode: 0o700 });
    await clock.advance(60_000);
    await assert.rejects(challenges.redeem(nonce, APPROVE), UNPROVEN);
    const own = "f".repeat(32);
    await Deno.mkdir(`${folder}/${proofName(own, APPROVE)}`, { mode: 0o700 });
    await assert.rejects(challenges.redeem(own, APPROVE), UNPROVEN);
    await challenges.issue();
    assert.deepEqual([...Deno.readDirSync(folder)], [], "what was left is swept");
  }));

Deno.test("challenges are bounded, and given out again once old ones have run out", () =>
  withChallenges(async ({ challenges, clock }) => {
    for (let index = 0; index < 64; index += 1) await challenges.issue();
    await assert.rejects(challenges.issue(), { code: "rate_limited" });
    await clock.advance(60_000);
    await challenges.issue();
  }));

Deno.test("the folder is the agent's alone, or its group's to add to", async () => {
  const stateDir = `./reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(stateDir, { recursive: true });
  const runtime = systemRuntime();
  const mode = async () => (await Deno.stat(`${stateDir}/challenges`)).mode! & 0o1777;
  try {
    await openChallenges({ runtime }, stateDir);
    assert.equal(await mode(), 0o700);
    await openChallenges({ runtime }, stateDir, { groupAccess: true });
    assert.equal(await mode(), 0o1730);
    await Deno.remove(`${stateDir}/challenges`);
    await Deno.writeTextFile(`${stateDir}/challenges`, "");
    await assert.rejects(openChallenges({ runtime }, stateDir));
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
});

/** Packages that must not be carried out, each for a reason of its own. */
import { encodeUtf8, sha256Hex } from "../../../core/encoding.ts";
import { executionId } from "../../../core/execution.ts";
import { demand } from "../scorecard.ts";
import type { PackageSpec, Stage } from "../stage.ts";
import { apply, deployment } from "./execution.ts";

interface Attempt {
  readonly what: string;
  readonly code: string;
  readonly bytes: Uint8Array;
  readonly bundle: Record<string, unknown>;
}

export async function refusals(stage: Stage): Promise<void> {
  const { world, scorecard } = stage;
  for (const attempt of attempts(stage)) {
    await scorecard.check(`${attempt.what} package refused`, async () => {
      const before = await world.kubernetes.touched();
      const { status, body } = await stage.push(attempt.bytes, attempt.bundle);
      const { code } = body as { code?: string };
      demand(status >= 400 && status < 500, `answered ${status}`);
      demand(code === attempt.code, `refused with ${code}, expected ${attempt.code}`);
      const id = executionId(sha256Hex(attempt.bytes));
      const receipt = await stage.until(
        "the receipt of the refusal",
        () =>
          world.controlPlane.receipts.find(({ payload }) =>
            payload.executionId === id && payload.code === attempt.code
          )?.payload,
      );
      demand(receipt.state === "refused", `the receipt says ${receipt.state}`);
      demand(
        await world.kubernetes.touched() === before,
        "the cluster was asked to change something",
      );
      return `${status} ${code}, receipted, cluster not touched`;
    });
  }
}

function attempts(stage: Stage): Attempt[] {
  const { world } = stage;
  const build = (spec: Partial<PackageSpec> & { sequence: number }) =>
    stage.buildPackage({
      name: "unwanted",
      stream: "unwanted",
      actions: apply(
        deployment(world.kubernetes.scene.shop, "unwanted", "registry.example/unwanted:1"),
      ),
      ...spec,
    });
  const signed = (what: string, code: string, bytes: Uint8Array): Attempt => ({
    what,
    code,
    bytes,
    bundle: stage.signByKey(bytes),
  });
  const good = build({ sequence: 1 });
  const tampered = encodeUtf8(new TextDecoder().decode(good).replace("unwanted:1", "unwanted:2"));
  return [
    { what: "tampered", code: "bad_signature", bytes: tampered, bundle: stage.signByKey(good) },
    { what: "unsigned", code: "missing_signature", bytes: good, bundle: {} },
    {
      what: "wrong-signer",
      code: "unknown_signer",
      bytes: good,
      bundle: { ...world.signers.stranger.sign(good) },
    },
    signed("wrong-target", "wrong_target", build({ sequence: 2, clusterId: "c-somebody-else" })),
    signed("expired", "expired", build({ sequence: 3, expired: true })),
    signed(
      "out-of-sequence",
      "sequence_not_newer",
      build({ sequence: 1, stream: "releases", name: "too-late" }),
    ),
    signed(
      "out-of-policy",
      "policy_denied",
      build({
        sequence: 4,
        actions: apply(deployment(world.kubernetes.scene.payments, "ledger", "ledger:1")),
      }),
    ),
  ];
}

/** The very bytes that have succeeded before, once more. */
export async function replay(stage: Stage, bytes: Uint8Array): Promise<void> {
  await stage.scorecard.check("replayed package refused", async () => {
    const { status, body } = await stage.push(bytes, stage.signByKey(bytes));
    const { code, state } = body as { code?: string; state?: string };
    demand(status === 409 && code === "replayed", `answered ${status} ${code}`);
    demand(state === "succeeded", `the answer says ${state}`);
    return "409 replayed, with the state of the first time: succeeded";
  });
}

/**
 * Which user of the operating system makes a decision, attested by the kernel: the agent hands out a
 * nonce, the person's command line makes a directory named after it, the agent looks who owns it.
 *
 * A directory, not a file: it has no hard links, and only who may write to it can move it here from
 * elsewhere. What is mounted over it, which may claim any owner, lies on another device.
 */
import { RefusedError, StalledError, TransientError } from "../errors.ts";
import { CHALLENGE_FOLDER, type Decision, PROOF_MODE, proofName } from "../core/ownership_proof.ts";
import { encodeHex } from "../core/encoding.ts";
import type { Clock, Files, Random } from "../runtime.ts";

const LIFETIME_MS = 60_000;
const MAX_OUTSTANDING = 64;
const NONCE_BYTES = 16;
const PRIVATE_MODE = 0o700;
/** The group may make directories, and can neither list nor remove those of others. */
const GROUP_MODE = 0o1730;

export interface ChallengeParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly stateDir: string;
  /** Whether the group of the state directory may take part; the agent's own user and root always may. */
  readonly groupAccess: boolean;
}

export class Challenges {
  /** When each ends, on the monotonic clock. */
  readonly #outstanding = new Map<string, number>();

  private constructor(
    private readonly parts: ChallengeParts,
    private readonly directory: string,
    private readonly device: number,
    /** The agent's own. */
    readonly ownUid: number,
  ) {}

  /** Throws StalledError `state_damaged` where the folder is not the agent's own. */
  static async open(parts: ChallengeParts): Promise<Challenges> {
    const { files, random, stateDir, groupAccess } = parts;
    const directory = `${stateDir}/${CHALLENGE_FOLDER}`;
    const mode = groupAccess ? GROUP_MODE : PRIVATE_MODE;
    if (!await files.makeDirectory(directory, mode)) await files.setMode(directory, mode);
    const probe = `${directory}/${random.uuid()}`;
    await files.makeDirectory(probe, PRIVATE_MODE);
    const own = await files.owner(probe);
    const folder = await files.owner(directory);
    await files.remove(probe);
    if (!own || !folder?.isDirectory || folder.uid !== own.uid || folder.device !== own.device) {
      throw new StalledError(
        "state_damaged",
        `${directory} is not a folder of the connector's own user on the disk of ${stateDir}`,
        { hint: "remove it; the connector makes it anew" },
      );
    }
    const challenges = new Challenges(parts, directory, own.device, own.uid);
    await challenges.#sweep();
    return challenges;
  }

  /** Throws TransientError `rate_limited`. */
  async issue(): Promise<{ readonly nonce: string; readonly lifetimeMs: number }> {
    const { clock, random } = this.parts;
    await this.#sweep();
    if (this.#outstanding.size >= MAX_OUTSTANDING) {
      throw new TransientError("rate_limited", `${MAX_OUTSTANDING} challenges are unanswered`, {
        retryAfterMs: LIFETIME_MS,
      });
    }
    const nonce = encodeHex(random.bytes(NONCE_BYTES));
    this.#outstanding.set(nonce, clock.monotonic() + LIFETIME_MS);
    return { nonce, lifetimeMs: LIFETIME_MS };
  }

  /**
   * The user id of whoever made the proof of this decision. A nonce is good for one try.
   * Throws RefusedError `approver_unproven`.
   */
  async redeem(nonce: string, decision: Decision): Promise<number> {
    const { clock, files } = this.parts;
    const endsMs = this.#outstanding.get(nonce);
    this.#outstanding.delete(nonce);
    if (endsMs === undefined || clock.monotonic() >= endsMs) {
      throw unproven("the challenge is unknown, used or older than a minute");
    }
    const path = `${this.directory}/${proofName(nonce, decision)}`;
    const owner = await files.owner(path);
    if (!owner) throw unproven("the proof of this very decision is not there");
    await files.remove(path).catch(() => {}); // the sweep comes back to what is not empty
    if (!owner.isDirectory) throw unproven("the proof is not a directory");
    if (owner.mode !== PROOF_MODE) throw unproven("the proof is open to other users");
    if (owner.device !== this.device) throw unproven("the proof lies on another file system");
    return owner.uid;
  }

  /** Forgets what has run out, and removes what belongs to no outstanding challenge. */
  async #sweep(): Promise<void> {
    const { clock, files } = this.parts;
    const nowMs = clock.monotonic();
    for (const [nonce, endsMs] of this.#outstanding) {
      if (nowMs >= endsMs) this.#outstanding.delete(nonce);
    }
    for (const name of await files.list(this.directory)) {
      if (this.#outstanding.has(name.split("-")[0]!)) continue;
      await files.remove(`${this.directory}/${name}`).catch(() => {});
    }
  }
}

function unproven(what: string): RefusedError {
  return new RefusedError("approver_unproven", `It is not known who decides this: ${what}`, {
    hint: "use `neuralops-connector executions` of the same version, on the connector's machine",
  });
}

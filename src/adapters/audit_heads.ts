/**
 * The signed heads of the log, one for each heartbeat, each with the proof that it grew out of the one
 * that the control plane holds. What is signed was read back from the disk first; between two heads only
 * what was added is read, and O(log n) hashes are kept.
 */
import * as z from "zod";
import { type ChainHead, chainIdOf, emptyChain } from "../core/audit/chain.ts";
import { type CheckpointSigner, signCheckpoint } from "../core/audit/checkpoint.ts";
import { countPeaks, type MerkleTree } from "../core/audit/merkle.ts";
import { proveGrowth } from "../core/audit/proof.ts";
import { encodeHashes } from "../core/audit/proof_hashes.ts";
import { withChain } from "../core/audit/register.ts";
import { SubtreeStack } from "../core/audit/subtrees.ts";
import { decodeUtf8, encodeUtf8 } from "../core/encoding.ts";
import type { Heartbeat } from "../core/protocol.ts";
import { Turns } from "../core/turns.ts";
import { RefusedError } from "../errors.ts";
import type { Clock, Files } from "../runtime.ts";
import { type LogPlace, StoredGrowth } from "./audit_growth.ts";
import { joinPath, readBase } from "./audit_recovery.ts";

const STATE_FILE = "heads.json";
const LATEST_CHECKPOINT = "latest.checkpoint";
const MAX_STATE_BYTES = 65_536;
/** So that a standby, which sends no heartbeat, still reads its log before it is shipped and removed. */
const FOLLOW_MS = 600_000;

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const Tree = z.strictObject({ size: count, peaks: z.array(hex).max(53) })
  .refine(({ size, peaks }) => peaks.length === countPeaks(size));
const State = z.strictObject({
  hash: hex,
  timeMs: count,
  tree: Tree,
  segment: z.strictObject({ firstSequence: count, day: z.iso.date() }).nullable(),
  offset: count,
  held: Tree.nullable(),
  since: z.array(z.strictObject({ level: count, index: count, hash: hex })).max(106),
});

export interface AuditHeadsOptions {
  readonly files: Files;
  readonly directory: string;
  readonly signer: CheckpointSigner;
  /** Where the writer of the log says that it stands. */
  readonly head: () => ChainHead;
  /** All chains that are known to have acted for this cluster. */
  readonly chains: () => readonly string[];
}

type SignedHead = NonNullable<Heartbeat["audit"]>;

export class AuditHeads {
  #growth: StoredGrowth | null = null;
  /** What the control plane was last heard to hold, and everything since. */
  #held: MerkleTree | null = null;
  #since = new SubtreeStack(0);
  /** The control plane holds what was never sent from here, or is no longer here. */
  #unprovable: number | null = null;
  readonly #turns = new Turns();

  constructor(private readonly options: AuditHeadsOptions) {}

  /** How many records the head has that the control plane was last heard to hold; null before that. */
  get heldSize(): number | null {
    return this.#held?.size ?? null;
  }

  /**
   * @throws RefusedError `audit_broken` when the disk does not hold what was written, or what was
   *   signed before: nothing is signed then
   */
  next(): Promise<SignedHead> {
    return this.#turns.take("", async () => {
      const tree = await this.#follow();
      const checkpoint = await signCheckpoint(tree, this.options.signer);
      await this.#keep(LATEST_CHECKPOINT, checkpoint);
      return {
        size: tree.size,
        checkpoint,
        consistency: this.#proof(tree),
        chains: withChain(this.options.chains(), chainIdOf(this.options.signer.publicKey)),
      };
    });
  }

  /** The control plane has the head that `next` gave last. */
  acknowledged(): Promise<void> {
    return this.#turns.take("", async () => {
      this.#hold(this.#growth!.place.head.tree);
      await this.#save();
    });
  }

  /** The control plane says that it holds a head of this size: the next proof begins there. */
  holds(size: number): Promise<void> {
    return this.#turns.take("", async () => {
      if (this.#held?.size === size) return;
      const { head } = this.#growth!.place;
      const start = await this.#base();
      this.#unprovable = null;
      if (size < start.head.sequence || size > head.sequence) {
        this.#unprovable = size;
        return;
      }
      let held = start.head.tree;
      const since = new SubtreeStack(size);
      await this.#stored(start).advance(({ hash }, { sequence, tree }) => {
        if (sequence <= size) held = tree;
        else since.addLeaf(Uint8Array.fromHex(hash));
      }, head.sequence);
      this.#held = held;
      this.#since = since;
    });
  }

  /** Reads along now and then until the signal aborts; resolves then. */
  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(FOLLOW_MS, signal).catch(() => {});
      // Whatever is wrong is said by the next head that is asked for.
      if (!signal.aborted) await this.#turns.take("", () => this.#follow()).catch(() => {});
    }
  }

  #proof(tree: MerkleTree): SignedHead["consistency"] {
    if (this.#unprovable !== null) return { from: this.#unprovable, hashes: [] };
    if (this.#held === null || this.#held.size > tree.size) return null;
    return { from: this.#held.size, hashes: encodeHashes(proveGrowth(this.#held, this.#since)) };
  }

  #hold(tree: MerkleTree): void {
    this.#held = tree;
    this.#since = new SubtreeStack(tree.size);
    this.#unprovable = null;
  }

  /** Up to where the writer stands now; what is on the disk must be what it wrote. */
  async #follow(): Promise<MerkleTree> {
    this.#growth ??= await this.#resume();
    const head = this.options.head();
    const before = this.#growth.place.head.sequence;
    if (before > head.sequence) {
      throw broken(
        `the log had ${before} records when it was last signed, and has ${head.sequence}`,
      );
    }
    await this.#readTo(head.sequence);
    const found = this.#growth.place.head;
    if (found.sequence !== head.sequence || found.hash !== head.hash) {
      throw broken(
        `expected record ${head.sequence} with the hash ${head.hash}, found ${found.sequence} with ${found.hash}`,
      );
    }
    if (found.sequence !== before) await this.#save();
    return found.tree;
  }

  async #readTo(sequence: number): Promise<void> {
    const visit = ({ hash }: { readonly hash: string }) => {
      if (this.#held) this.#since.addLeaf(Uint8Array.fromHex(hash));
    };
    try {
      await this.#growth!.advance(visit, sequence);
    } catch (error) {
      if (!(error instanceof RefusedError && error.code === "not_found")) throw error;
      // It was shipped and removed before anybody looked: begin where the rest begins.
      this.#held = null;
      this.#growth = this.#stored(await this.#base());
      await this.#growth.advance(() => {}, sequence);
    }
  }

  async #base(): Promise<LogPlace> {
    const { files, directory, signer } = this.options;
    const base = await readBase(files, directory);
    const isEmpty = base.publicKey === null;
    const head = isEmpty ? emptyChain(chainIdOf(signer.publicKey)) : base.head;
    return { head, segment: null, offset: 0 };
  }

  #stored(place: LogPlace): StoredGrowth {
    return new StoredGrowth(this.options.files, this.options.directory, place);
  }

  /** From where the last head was; the whole local log only when nobody wrote that down. */
  async #resume(): Promise<StoredGrowth> {
    const { files, directory } = this.options;
    const bytes = await files.read(joinPath(directory, STATE_FILE), MAX_STATE_BYTES);
    if (bytes === null) return this.#stored(await this.#base());
    try {
      const state = State.parse(JSON.parse(decodeUtf8(bytes)));
      const { hash, timeMs, segment, offset } = state;
      const tree = parseTree(state.tree);
      if (state.held) {
        this.#hold(parseTree(state.held));
        for (const node of state.since) {
          this.#since.add({ ...node, hash: Uint8Array.fromHex(node.hash) });
        }
        if (this.#since.end !== tree.size) throw new Error("it is not whole");
      }
      return this.#stored({ head: { sequence: tree.size, hash, timeMs, tree }, segment, offset });
    } catch {
      throw broken(`${STATE_FILE} cannot be read`);
    }
  }

  async #save(): Promise<void> {
    const { head: { hash, timeMs, tree }, segment, offset } = this.#growth!.place;
    const since = this.#held ? this.#since.subtrees : [];
    const state: z.infer<typeof State> = {
      hash,
      timeMs,
      tree: writtenTree(tree),
      segment: segment && { firstSequence: segment.firstSequence, day: segment.day },
      offset,
      held: this.#held && writtenTree(this.#held),
      since: since.map((node) => ({ ...node, hash: node.hash.toHex() })),
    };
    await this.#keep(STATE_FILE, JSON.stringify(state) + "\n");
  }

  async #keep(name: string, text: string): Promise<void> {
    const { files, directory } = this.options;
    await files.replaceDurably(joinPath(directory, name), encodeUtf8(text));
  }
}

function writtenTree({ size, peaks }: MerkleTree): z.infer<typeof Tree> {
  return { size, peaks: peaks.map((peak) => peak.toHex()) };
}

function parseTree({ size, peaks }: z.infer<typeof Tree>): MerkleTree {
  return { size, peaks: peaks.map((peak) => Uint8Array.fromHex(peak)) };
}

function broken(problem: string): RefusedError {
  return new RefusedError("audit_broken", `No head of the audit log is signed: ${problem}`, {
    hint:
      `keep the folder as it is; find out who changed it. If audit verify with a checkpoint from elsewhere says that the log holds, remove ${STATE_FILE}`,
  });
}

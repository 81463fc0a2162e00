/**
 * What is too large for an execution's object, or may hold secrets: a package with its bundles, a plan,
 * preimages. Each is canonical JSON, cut into slices, each slice compressed into a Secret of its own. The
 * Secrets are named by the digest of the whole: one that is there already is as it should be, and a set
 * that a crash cut short is never taken for another.
 */
import { promisify } from "node:util";
import { InvalidInputError } from "../../../errors.ts";
import { canonicalJson } from "../../../core/canonical_json.ts";
import {
  decodeBase64,
  decodeUtf8,
  encodeBase64,
  encodeUtf8,
  sha256Hex,
} from "../../../core/encoding.ts";
import type { Json, JsonObject, KubeObject } from "../../../core/kubernetes_object.ts";
import { API_VERSION, damaged, type JournalStore, KIND, LABELS } from "./store.ts";

export type Held = "package" | "plan" | "preimages";
export interface Owner {
  readonly name: string;
  readonly uid: string;
}

export const CHUNK_TYPE = "neuralops.io/journal";
/** A Secret's data may have a mebibyte; a slice that does not compress is a little larger compressed. */
const SLICE_BYTES = 1000 * 1024;
/** Of all Secrets of one set. etcd keeps the history of every object, with a default quota of 2 GiB. */
export const MAX_COMPRESSED_BYTES = 16 * 1024 * 1024;
/** Of 100 objects of at most 1.5 MiB each. */
const MAX_SLICES = 256;
const NAME_DIGITS = 32;

async function compress(bytes: Uint8Array): Promise<Uint8Array> {
  // Dear to load, and needed for the first package only.
  const { constants, gzip } = await import("node:zlib");
  const run: (bytes: Uint8Array, options: object) => Promise<Uint8Array> = promisify(gzip);
  return await run(bytes, { level: constants.Z_BEST_SPEED });
}

/** Rejects for more bytes than a slice may have. */
async function expand(bytes: Uint8Array): Promise<Uint8Array> {
  const { gunzip } = await import("node:zlib");
  const run: (bytes: Uint8Array, options: object) => Promise<Uint8Array> = promisify(gunzip);
  return await run(bytes, { maxOutputLength: SLICE_BYTES });
}

export class ChunkedSecrets {
  constructor(private readonly store: JournalStore) {}

  /**
   * Durable when it resolves; returns how many Secrets it took.
   * @param key names the value, and is different for every value
   * Throws InvalidInputError `too_large`, before anything is written.
   */
  async save(
    id: string,
    held: Held,
    key: string,
    value: unknown,
    owner?: Owner,
  ): Promise<number> {
    const slices = await this.#slice(held, value);
    for (const [index, slice] of slices.entries()) {
      await this.store.create("secrets", {
        apiVersion: "v1",
        kind: "Secret",
        metadata: {
          name: `${setName(id, held, key)}-${index}`,
          labels: {
            [LABELS.holds]: held,
            [LABELS.execution]: id,
            ...(owner ? { [LABELS.owned]: "true" } : {}),
          },
          ...(owner ? { ownerReferences: [referenceTo(owner)] } : {}),
        },
        type: CHUNK_TYPE,
        immutable: true,
        data: {
          slice: encodeBase64(slice),
          of: encodeBase64(encodeUtf8(String(slices.length))),
        },
      });
    }
    return slices.length;
  }

  /** Throws StalledError `state_damaged` when any of it is not there. What it says is for others to check. */
  async load(id: string, held: Held, key: string): Promise<unknown> {
    return await this.#load(id, held, setName(id, held, key));
  }

  /** The one set that `save` left of those that may be superseded. Throws StalledError `state_damaged`. */
  async loadLast(id: string, held: Held): Promise<unknown> {
    for await (const name of this.#names(id, held)) {
      return await this.#load(id, held, setOf(name));
    }
    throw damaged(`The ${held} of ${id}`, "there are none");
  }

  async #load(id: string, held: Held, set: string): Promise<unknown> {
    const parts: Uint8Array[] = [];
    let count = 1;
    for (let index = 0; index < count; index += 1) {
      const name = `${set}-${index}`;
      const what = `Secret ${this.store.namespace}/${name}`;
      const secret = await this.store.find("secrets", name);
      if (!secret) throw damaged(what, `it is gone, and with it the ${held} of ${id}`);
      try {
        const data = secret.data as { slice: string; of: string };
        count = Number(decodeUtf8(decodeBase64(data.of)));
        if (!Number.isSafeInteger(count) || count < 1 || count > MAX_SLICES) {
          throw new TypeError(`it is one of ${count}`);
        }
        parts.push(await expand(decodeBase64(data.slice)));
      } catch (cause) {
        throw damaged(what, "it cannot be unpacked", cause);
      }
    }
    try {
      return JSON.parse(decodeUtf8(join(parts)));
    } catch (cause) {
      throw damaged(`The ${held} of ${id}`, "its Secrets do not fit together", cause);
    }
  }

  /** From now on the Secrets go when the execution's object goes. */
  async adopt(secretName: string, owner: Owner): Promise<void> {
    await this.store.patch("secrets", secretName, null, {
      metadata: {
        labels: { [LABELS.owned]: "true" },
        ownerReferences: [referenceTo(owner)],
      },
    });
  }

  /** @param held all that the execution has unless given */
  async drop(id: string, held?: Held): Promise<void> {
    for await (const name of this.#names(id, held)) await this.store.remove("secrets", name);
  }

  /** What is of an earlier value than this one. */
  async dropOthers(id: string, held: Held, key: string): Promise<void> {
    for await (const name of this.#names(id, held)) {
      if (setOf(name) !== setName(id, held, key)) await this.store.remove("secrets", name);
    }
  }

  async *#names(id: string, held?: Held): AsyncGenerator<string> {
    const selector = `${LABELS.execution}=${id}${held ? `,${LABELS.holds}=${held}` : ""}`;
    for await (const { metadata } of this.store.list("secrets", { selector })) yield metadata.name;
  }

  /**
   * Those without an owner: they are written before the execution's object, which may not have come.
   * @param id of all executions unless given
   */
  unowned(id?: string): AsyncGenerator<KubeObject> {
    const of = id === undefined ? LABELS.execution : `${LABELS.execution}=${id}`;
    return this.store.list("secrets", { selector: `${of},!${LABELS.owned}` });
  }

  async #slice(held: Held, value: unknown): Promise<Uint8Array[]> {
    const bytes = encodeUtf8(canonicalJson(value));
    const slices: Uint8Array[] = [];
    let total = 0;
    for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
      const slice = await compress(bytes.subarray(start, start + SLICE_BYTES));
      slices.push(slice);
      total += slice.length;
      if (total > MAX_COMPRESSED_BYTES || slices.length > MAX_SLICES) {
        throw new InvalidInputError(
          "too_large",
          `The ${held} are more than a journal in the cluster keeps of one execution: ` +
            `${bytes.length} bytes, at most ${MAX_COMPRESSED_BYTES} compressed are allowed`,
          { hint: "split it into several packages of one stream" },
        );
      }
    }
    return slices;
  }
}

export function setName(id: string, held: Held, key: string): string {
  return `${id}-${held}-${sha256Hex(key).slice(0, NAME_DIGITS)}`;
}

function setOf(chunkName: string): string {
  return chunkName.slice(0, chunkName.lastIndexOf("-"));
}

export function ownerOf({ metadata }: KubeObject): Owner {
  return { name: metadata.name, uid: String(metadata.uid) };
}

function referenceTo({ name, uid }: Owner): JsonObject {
  return { apiVersion: API_VERSION, kind: KIND, name, uid } satisfies Record<string, Json>;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Signed tree heads: C2SP tlog-checkpoint as a C2SP signed note with an Ed25519 signature. */
import { InvalidInputError } from "../../errors.ts";
import { decodeBase64, encodeBase64, encodeUtf8, sha256 } from "../encoding.ts";
import { chainIdOf } from "./chain.ts";
import { type MerkleTree, treeRoot } from "./merkle.ts";

export interface CheckpointSigner {
  /** Key name in the note; `checkpointOrigin(publicKey)` unless there is a reason. */
  readonly name: string;
  /** Raw Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Raw Ed25519 signature, 64 bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

export interface Checkpoint {
  readonly origin: string;
  /** Number of records. */
  readonly size: number;
  readonly rootHash: Uint8Array;
}

interface NoteSignature {
  readonly name: string;
  readonly keyId: string;
  readonly signature: Uint8Array;
}

const ED25519 = 1;
const MAX_NOTE_CHARS = 16_384;
/** Signed note: any text without spaces and plus signs. */
const KEY_NAME = /^[^\s+]+$/;
const BODY = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n$/;
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/;

export function checkpointOrigin(publicKey: Uint8Array): string {
  return `neuralops.io/audit/${chainIdOf(publicKey)}`;
}

/** The first four bytes of SHA-256(name ‖ LF ‖ 0x01 ‖ key), in hex. */
export function keyIdOf(name: string, publicKey: Uint8Array): string {
  return sha256(new Uint8Array([...encodeUtf8(`${name}\n`), ED25519, ...publicKey]))
    .subarray(0, 4).toHex();
}

export async function signCheckpoint(tree: MerkleTree, signer: CheckpointSigner): Promise<string> {
  const { name, publicKey } = signer;
  if (!KEY_NAME.test(name)) {
    throw new InvalidInputError("malformed_request", `"${name}" cannot be a key name in a note`);
  }
  const body = [checkpointOrigin(publicKey), tree.size, encodeBase64(treeRoot(tree)), ""].join(
    "\n",
  );
  const signature = await signer.sign(encodeUtf8(body));
  const blob = new Uint8Array([...Uint8Array.fromHex(keyIdOf(name, publicKey)), ...signature]);
  return `${body}\n\u2014 ${name} ${encodeBase64(blob)}\n`;
}

/** What a note claims; only `verifyCheckpoint` of checkpoint_proof.ts says whether it is true. */
export function readCheckpoint(note: string): Checkpoint {
  return parseNote(note).checkpoint;
}

export function parseNote(note: string) {
  const split = note.length <= MAX_NOTE_CHARS ? note.lastIndexOf("\n\n") : -1;
  const body = note.slice(0, split + 1);
  const [, origin, size, root] = (split < 0 ? null : BODY.exec(body)) ?? [];
  const trailer = note.slice(split + 2);
  if (origin === undefined || !trailer.endsWith("\n")) throw notACheckpoint();
  return {
    body,
    checkpoint: { origin, size: Number(size), rootHash: decode(root!) },
    signatures: trailer.slice(0, -1).split("\n").map(parseSignature),
  };
}

function parseSignature(line: string): NoteSignature {
  const [, name, blob] = SIGNATURE_LINE.exec(line) ?? [];
  if (name === undefined) throw notACheckpoint();
  const bytes = decode(blob!);
  return { name, keyId: bytes.subarray(0, 4).toHex(), signature: bytes.subarray(4) };
}

function decode(base64: string): Uint8Array {
  try {
    return decodeBase64(base64);
  } catch {
    throw notACheckpoint();
  }
}

function notACheckpoint(): InvalidInputError {
  return new InvalidInputError(
    "malformed_request",
    "Not a checkpoint: expected origin, size, root hash, an empty line and signatures",
  );
}

/** The key with which label values are hashed: of a file that several agents share, or this connector's own. */
import { type ConnectorKey, deriveSecret } from "../core/connector_key.ts";
import { encodeUtf8 } from "../core/encoding.ts";
import { createLabelHash } from "../core/signals/selection/label_hash.ts";
import { StalledError } from "../errors.ts";
import type { Config } from "../config/schema.ts";
import type { Files } from "../runtime.ts";
import { readConfigured } from "./read_files.ts";

const PURPOSE = "signals/label-hash";
const MIN_BYTES = 16;

/** null without a file for it. Throws StalledError `config_invalid` for a file that is not there, or holds too little. */
export async function readHashKey(
  { hashKeyFile }: Pick<Config["signals"], "hashKeyFile">,
  files: Files,
): Promise<Uint8Array | null> {
  if (hashKeyFile === undefined) return null;
  // The newline at the end is an editor's, and no part of the key.
  const key = encodeUtf8((await readConfigured(files, "signals.hashKeyFile", hashKeyFile)).trim());
  if (key.length >= MIN_BYTES) return key;
  throw new StalledError("config_invalid", `signals.hashKeyFile: ${hashKeyFile} is too short`, {
    hint: `put at least ${MIN_BYTES} bytes there, for instance by: openssl rand -hex 32`,
  });
}

/** `{ hashLabel }` where a query hashes labels, else nothing. Throws StalledError `config_invalid`. */
export async function labelHashOf(
  signals: Config["signals"],
  files: Files,
  key: Pick<ConnectorKey, "sign">,
): Promise<{ hashLabel?: (value: string) => string }> {
  if (!signals.queries.some(({ labels }) => labels && labels.hash.length > 0)) return {};
  const secret = await readHashKey(signals, files) ??
    encodeUtf8(await deriveSecret(key, PURPOSE));
  return { hashLabel: await createLabelHash(secret) };
}

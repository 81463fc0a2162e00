/** The connector's key at rest: `key.pem` in the state directory, made once, never overwritten. */
import { type ConnectorKey, generateKeyPem, keyFromPem } from "../core/connector_key.ts";
import { decodeUtf8, encodeUtf8 } from "../core/encoding.ts";
import { StalledError } from "../errors.ts";
import type { Files } from "../runtime.ts";

const MAX_KEY_BYTES = 4096;
const OTHERS = 0o007;

/**
 * Creates the key when there is none; of two processes that try at once, both get the first one's.
 * Throws StalledError `config_invalid` for a damaged key or one that every user can read.
 */
export async function loadOrCreateKey(files: Files, stateDir: string): Promise<ConnectorKey> {
  const path = `${stateDir}/key.pem`;
  await files.ensureDirectory(stateDir);
  if (await files.stat(path) === null) {
    await files.createExclusive(path, encodeUtf8(await generateKeyPem()));
  }
  const mode = (await files.stat(path))?.mode ?? 0;
  // The group is let through: Kubernetes' fsGroup opens volumes to it.
  if (mode & OTHERS) {
    throw new StalledError("config_invalid", `${path} is open to every user of this host`, {
      hint: `chmod 600 ${path}; if someone else may have read it, remove it to get a new key`,
    });
  }
  const bytes = await files.read(path, MAX_KEY_BYTES);
  if (bytes === null) {
    throw new StalledError("state_unwritable", `${path} vanished while it was being read`, {
      hint: "check what else writes to the state directory",
    });
  }
  return await keyFromPem(decodeUtf8(bytes));
}

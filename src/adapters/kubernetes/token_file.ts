/** A bearer token that someone else keeps fresh in a file. */
import { ConnectorError, describeError, StalledError } from "../../errors.ts";
import { decodeUtf8 } from "../../core/encoding.ts";
import type { SecretMask } from "../../log.ts";
import type { Clock, Files } from "../../runtime.ts";

const MAX_FILE_BYTES = 1024 * 1024;
/** Projected tokens are rotated well before they expire; kubelet's own clients wait a minute. */
const TOKEN_CACHE_MS = 60_000;

export interface TokenSource {
  /** null where a client certificate is all there is. */
  token(): Promise<string | null>;
  /** Called after a 401: the next token() reads the source again. */
  forgetToken(): void;
}

export function tokenFromFile(
  path: string,
  { files, clock, mask }: { files: Files; clock: Clock; mask: SecretMask },
): TokenSource {
  let cached: { token: string; readAtMs: number } | null = null;
  return {
    async token() {
      if (!cached || clock.monotonic() - cached.readAtMs > TOKEN_CACHE_MS) {
        const token = mask.add(await readText(path, files)).trim();
        // It goes into a header, and without one the API server would take us for nobody.
        if (!/^[\x21-\x7e]+$/.test(token)) {
          throw unreadable(`${path} does not hold a bearer token`);
        }
        cached = { token, readAtMs: clock.monotonic() };
      }
      return cached.token;
    },
    forgetToken() {
      cached = null;
    },
  };
}

/** Throws StalledError `config_invalid`. */
export async function readText(path: string, files: Files): Promise<string> {
  let bytes: Uint8Array | null;
  try {
    bytes = await files.read(path, MAX_FILE_BYTES);
  } catch (error) {
    const reason = error instanceof ConnectorError
      ? error.message
      : `Cannot read ${path}: ${describeError(error)}`;
    throw unreadable(reason, error);
  }
  if (!bytes) throw unreadable(`${path} does not exist`);
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    throw unreadable(`${path} is not a text file`, error);
  }
}

function unreadable(message: string, cause?: unknown): StalledError {
  return new StalledError("config_invalid", message, {
    ...(cause === undefined ? {} : { cause }),
    hint: "check the path in the configuration or the kubeconfig, and the file's permissions",
  });
}

/** What stands for an edge host: its machine id, hashed as machine-id(5) asks, so that it stays private. */
import { StalledError } from "../errors.ts";
import { decodeUtf8, sha256Hex } from "../core/encoding.ts";
import type { Files } from "../runtime.ts";

const PATH = "/etc/machine-id";

/** Throws StalledError `config_invalid` on a host without one. */
export async function machineUid(files: Files): Promise<string> {
  const bytes = await files.read(PATH, 256);
  const id = bytes ? decodeUtf8(bytes).trim() : "";
  if (/^[0-9a-f]{32}$/.test(id)) return `machine-${sha256Hex(`neuralops-connector:${id}`)}`;
  throw new StalledError("config_invalid", `${PATH} holds no machine id`, {
    hint: "run systemd-machine-id-setup, or configure a Kubernetes cluster",
  });
}

/** The receiver that takes metrics in the control plane's place. Loaded where one is configured. */
import { HttpCredentials } from "../adapters/http_credentials.ts";
import { Peer } from "../adapters/peer.ts";
import { RemoteWriteSink } from "../adapters/remote_write.ts";
import { RemoteWriteReceiver } from "../adapters/remote_write_receiver.ts";
import { SendingFiles } from "../adapters/sending_file.ts";
import type { Foundation } from "./foundation.ts";
import { readClientTls } from "./read_files.ts";
import { VERSION } from "./version.ts";

const MAX_RESPONSE_BYTES = 1024 * 1024;

export interface RemoteWriting {
  readonly sink: RemoteWriteSink;
  close(): void;
}

/**
 * @param takesOver whether another agent may have led before
 * Throws StalledError `config_invalid` on files that cannot be used.
 */
export async function prepareRemoteWriting(
  { config, runtime, mask }: Foundation,
  takesOver: boolean,
): Promise<RemoteWriting> {
  const { files, clock } = runtime;
  const options = config.remoteWrite!;
  const { proxy } = options;
  const peer = new Peer(runtime, {
    name: "the remote-write receiver",
    baseUrl: options.url,
    timeoutMs: options.timeout,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    ...(proxy === undefined ? {} : { proxy }),
    ...await readClientTls(files, "remoteWrite", options),
  });
  const credentials = new HttpCredentials(files, options, mask, peer.name);
  const agent = `neuralops-connector/${VERSION}`;
  const receiver = new RemoteWriteReceiver(peer, credentials, options.protocol, agent);
  const notes = new SendingFiles(files, config.stateDir);
  const sink = new RemoteWriteSink(receiver, notes, { ...options, takesOver }, clock);
  return { sink, close: () => peer.close() };
}

/** The receiver that takes metrics in the control plane's place. Loaded where one is configured. */
import { HttpCredentials } from "../adapters/http_credentials.ts";
import { Peer } from "../adapters/peer.ts";
import { RemoteWriteSink } from "../adapters/remote_write.ts";
import { RemoteWriteReceiver } from "../adapters/remote_write_receiver.ts";
import { SendingFiles } from "../adapters/sending_file.ts";
import { readClient } from "./client_files.ts";
import type { Foundation } from "./foundation.ts";
import { clientRenewal } from "./renewals.ts";
import type { Loop } from "./run_together.ts";
import { VERSION } from "./version.ts";

const SECTION = "remoteWrite";
const MAX_RESPONSE_BYTES = 1024 * 1024;

export interface RemoteWriting {
  /** A sink that keeps its notes in a folder: a query of one node must not find those of another. */
  sinkIn(folder: string): RemoteWriteSink;
  /** Takes up a client certificate that was renewed on the disk. */
  readonly renewal: Loop;
  close(): void;
}

/**
 * @param takesOver whether another agent may have led before
 * Throws StalledError `config_invalid` on files that cannot be used.
 */
export async function prepareRemoteWriting(
  foundation: Foundation,
  takesOver: boolean,
): Promise<RemoteWriting> {
  const { config, runtime, mask } = foundation;
  const { files, clock } = runtime;
  const options = config.remoteWrite!;
  const renewal = await clientRenewal(foundation, SECTION, options);
  const peer = new Peer(runtime, {
    name: "the remote-write receiver",
    section: SECTION,
    baseUrl: options.url,
    timeoutMs: options.timeout,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    ...await readClient(files, SECTION, options, mask),
  });
  const credentials = new HttpCredentials(files, options, mask, peer.name);
  const agent = `neuralops-connector/${VERSION}`;
  const receiver = new RemoteWriteReceiver(peer, credentials, options.protocol, agent);
  return {
    sinkIn: (folder) =>
      new RemoteWriteSink(
        receiver,
        new SendingFiles(files, folder),
        { ...options, takesOver },
        clock,
      ),
    renewal: renewal(peer),
    close: () => peer.close(),
  };
}

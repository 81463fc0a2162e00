/** systemd, or whoever else asked to be told by sd_notify(3) how this process fares. */
import { encodeUtf8 } from "../core/encoding.ts";
import { NOTICE_SOCKET } from "../core/state_sockets.ts";
import { StalledError } from "../errors.ts";
import type { Datagrams, DatagramSender, Files } from "../runtime.ts";

export interface ServiceManager {
  /** All assignments in one datagram. Throws StalledError `access_denied`. */
  tell(...assignments: readonly string[]): Promise<void>;
  close(): void;
}

/**
 * @param address the variable NOTIFY_SOCKET
 * @param stateDir held by this process; has room for a socket's name for a moment
 * Throws StalledError `access_denied`.
 */
export async function connectServiceManager(
  address: string,
  stateDir: string,
  { files, datagrams }: { readonly files: Pick<Files, "remove">; readonly datagrams: Datagrams },
): Promise<ServiceManager> {
  if (!address.startsWith("/")) {
    throw new StalledError("access_denied", `NOTIFY_SOCKET is no path: ${address}`, {
      hint: "systemd's own is /run/systemd/notify; abstract sockets are not supported",
    });
  }
  const name = `${stateDir}/${NOTICE_SOCKET}`;
  // Of a process that was killed in that moment; the lock on stateDir says that it is gone.
  await files.remove(name);
  const sender: DatagramSender = await datagrams.open(address, name);
  return {
    tell: (...assignments) => sender.send(encodeUtf8(assignments.join("\n"))),
    close: () => sender.close(),
  };
}

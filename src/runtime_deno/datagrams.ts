/** Datagrams to a Unix socket: what sd_notify(3) is made of. Needs `unstable: ["net"]`, and nothing else does. */
import { describeError, StalledError } from "../errors.ts";
import type { Datagrams } from "../runtime.ts";

export const systemDatagrams: Datagrams = {
  async open(to, from) {
    const denied = (cause: unknown) =>
      new StalledError("access_denied", `Cannot send to ${to}: ${describeError(cause)}`, { cause });
    let socket: Deno.DatagramConn;
    try {
      socket = Deno.listenDatagram({ transport: "unixpacket", path: from });
    } catch (cause) {
      throw denied(cause);
    }
    // Deno has no nameless socket; nobody answers, so the name can go at once.
    await Deno.remove(from);
    // Deno calls a socket busy while another datagram leaves it.
    let turn: Promise<unknown> = Promise.resolve();
    return {
      async send(bytes) {
        const sent = turn.then(() => socket.send(bytes, { transport: "unixpacket", path: to }));
        turn = sent.catch(() => {});
        try {
          await sent;
        } catch (cause) {
          throw denied(cause);
        }
      },
      close: () => socket.close(),
    };
  },
};

/** systemd's end of the socket: what it was told, in order. */
import { StalledError } from "../../src/errors.ts";
import type { Datagrams } from "../../src/runtime.ts";

export const NOTIFY_SOCKET = "/run/systemd/notify";

export interface FakeManager {
  readonly datagrams: Datagrams;
  /** Every assignment of every datagram. */
  readonly told: readonly string[];
  /** States alone: READY, RELOADING, STOPPING. */
  states(): string[];
  isOpen(): boolean;
}

/** @param isDeaf refuses everything, as a socket that is gone does */
export function fakeManager({ isDeaf = false } = {}): FakeManager {
  const told: string[] = [];
  let isOpen = false;
  return {
    told,
    states: () => told.filter((line) => /^(READY|RELOADING|STOPPING)=/.test(line)),
    isOpen: () => isOpen,
    datagrams: {
      open(to) {
        if (to !== NOTIFY_SOCKET) throw new Error(`not systemd's: ${to}`);
        isOpen = true;
        return Promise.resolve({
          send(bytes) {
            if (isDeaf) return Promise.reject(new StalledError("access_denied", "nobody there"));
            told.push(...new TextDecoder().decode(bytes).split("\n"));
            return Promise.resolve();
          },
          close: () => {
            isOpen = false;
          },
        });
      },
    },
  };
}

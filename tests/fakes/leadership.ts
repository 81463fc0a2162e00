/** Leadership as a test wants it. */
import { alwaysLeader, type Leadership } from "../../src/execution/leadership.ts";

/** @param leads asked each time */
export function leadingWhile(leads: () => boolean, holder = ""): Leadership {
  return {
    isLeader: leads,
    term: () => leads() ? alwaysLeader.term() : null,
    holder: () => holder,
  };
}

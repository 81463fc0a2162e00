/**
 * The key that a journal is sealed with: its records, its stream heads and the approvals in it. Whoever has
 * it can go on from the journal. On an edge host it is the connector's own; agents that share a journal
 * share this key as well, and the plan mask that is derived from it (deriveSecret).
 */
import type { ConnectorKey } from "./connector_key.ts";

export type JournalKey = Pick<ConnectorKey, "publicKey" | "sign" | "signJws">;

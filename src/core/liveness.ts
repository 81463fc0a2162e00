/** Resolves with null, or with what is stuck so that only a new process can help. Never rejects. */
export type Liveness = () => Promise<string | null>;

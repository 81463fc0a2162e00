/** What the agent's process tells the bench. Times are epoch milliseconds with fractions. */

/** One call to the API server about a Deployment, from before it was sent until its answer was there. */
export interface Call {
  /** `GET`, `dry run` or `apply`. */
  readonly what: string;
  readonly beginMs: number;
  readonly endMs: number;
}

export interface Applied {
  readonly event: "applied";
  /** When the listener's handler got the request, its body still unread. */
  readonly receivedMs: number;
  /** When the API server's answer to the apply had been read. */
  readonly appliedMs: number;
  /** Every call between the two. */
  readonly calls: readonly Call[];
}

export type AgentEvent = { readonly event: "started"; readonly port: number } | Applied;

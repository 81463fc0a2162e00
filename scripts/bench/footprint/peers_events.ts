/** What the peers' process is told and tells, a line of JSON each. */

export interface PushOrder {
  readonly agent: string;
  readonly packages: number;
}

export type PeersEvent =
  | { readonly event: "open" }
  /** Every package of an order has succeeded, and the control plane has the receipts. */
  | { readonly event: "pushed"; readonly agent: string };

/** What the receiver answers to the bench. */

export interface Counts {
  readonly requests: number;
  /** Of bodies, as they came: compressed, without headers. */
  readonly bytes: number;
}

/** What an agent needs besides a source. */
export interface Peers {
  readonly controlPlane: string;
  readonly vault: string;
  readonly vaultToken: string;
  readonly caPem: string;
  readonly listener: { readonly certPem: string; readonly keyPem: string };
}

export class Sink {
  constructor(readonly url: string) {}

  /** By name of the sender. */
  async counts(): Promise<Readonly<Record<string, Counts>>> {
    return await (await fetch(`${this.url}/counts`)).json();
  }

  async peersOf(agent: string): Promise<Peers> {
    return await (await fetch(`${this.url}/agent/${agent}`)).json();
  }
}

/** What a search for a real peer ends in, and where fetched and built programs are kept. */

export interface Found {
  readonly version: string;
  /** Absolute path of the program. */
  readonly program: string;
  /** Where it came from, for the table. */
  readonly source: string;
}

/** `why` says in one line what was tried and what stood in the way. */
export type Search = Found | { readonly why: string };

export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Absolute path; null where there is none. */
  readonly program: string | null;
  /** Where it listens; null for what is only a program, or could not be had. */
  readonly address: string | null;
  /** Where it came from, or why there is none. */
  readonly note: string;
}

export function toPeer(name: string, search: Search, address: string | null = null): Peer {
  return "why" in search
    ? { name, version: "-", program: null, address: null, note: search.why }
    : { name, version: search.version, program: search.program, address, note: search.source };
}

/** Fetched and built programs are kept here from run to run. */
export function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "."}/.cache`;
  return `${base}/neuralops-testbed`;
}

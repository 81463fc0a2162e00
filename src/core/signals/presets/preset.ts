/** A query that comes with the connector. Every one sums over what is many: pods, containers, buckets. */

/** Of the four golden signals, or of the USE method; `inventory` is what these are to be read against. */
export type Signal =
  | "latency"
  | "traffic"
  | "errors"
  | "saturation"
  | "utilisation"
  | "inventory";

export interface PresetQuery {
  /** Behind the preset's own name and a dot. */
  readonly name: string;
  readonly signal: Signal;
  /** Who exposes the metrics. */
  readonly from: string;
  /** PromQL */
  readonly expr: string;
}

export interface Preset {
  /** Milliseconds. */
  readonly step: number;
  readonly about: string;
  readonly queries: readonly PresetQuery[];
}

/** The presets by name, and their queries as a configuration would have them. */
import type { SelectedQuery } from "../selection/selected_query.ts";
import { GPU } from "./gpu.ts";
import { KUBERNETES_GOLDEN_SIGNALS } from "./kubernetes_golden_signals.ts";
import { NODE } from "./node.ts";
import type { Preset } from "./preset.ts";

export const PRESET_NAMES = ["kubernetes-golden-signals", "node", "gpu"] as const;
export type PresetName = typeof PRESET_NAMES[number];

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  "kubernetes-golden-signals": KUBERNETES_GOLDEN_SIGNALS,
  node: NODE,
  gpu: GPU,
};

/** Named `preset.query`. */
export function queriesOf(preset: PresetName): SelectedQuery[] {
  const { step, queries } = PRESETS[preset];
  return queries.map(({ name, expr }) => ({ name: `${preset}.${name}`, expr, step }));
}

import assert from "node:assert/strict";
import { PRESET_NAMES, PRESETS, queriesOf } from "../../../src/core/signals/presets/presets.ts";

Deno.test("presets name each query once, within what a configuration allows", () => {
  const all = PRESET_NAMES.flatMap(queriesOf);
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
  assert.ok(all.length <= 200);
  for (const { name } of all) assert.match(name, /^[a-z0-9][a-z0-9.-]{0,61}[a-z0-9]$/);
});

Deno.test("presets sum over what is many, so that their series stay few", () => {
  for (const name of PRESET_NAMES) {
    for (const { name: query, expr } of PRESETS[name].queries) {
      assert.match(expr, /\b(sum|max|avg|count)( by \([\w, ]+\))? \(/, query);
      assert.doesNotMatch(expr, /by \([^)]*\b(pod|container|uid|id)\b/, query);
    }
  }
});

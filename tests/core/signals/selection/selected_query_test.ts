import assert from "node:assert/strict";
import { joinSelectors, textsOf } from "../../../../src/core/signals/selection/selected_query.ts";

Deno.test("joinSelectors() gives one text, however the selectors are ordered", () => {
  assert.equal(joinSelectors(["b", ' a{x="1"} ', "b"]), 'match[]=a{x="1"}&match[]=b');
  assert.equal(joinSelectors(['a{x="1"}', "b"]), joinSelectors(["b", 'a{x="1"}']));
  assert.equal(joinSelectors([" up "]), "up");
});

Deno.test("textsOf() asks each selector, and fills the node in for its own queries only", () => {
  assert.deepEqual(textsOf({ expr: "up" }, "n1"), ["up"]);
  assert.deepEqual(textsOf({ expr: "match[]=a&match[]=b", match: ["b", "a"] }), ["b", "a"]);
  const expr = 'up{node="$node"}';
  assert.deepEqual(textsOf({ expr, scope: "node" }, "n1"), ['up{node="n1"}']);
  assert.deepEqual(textsOf({ expr, scope: "node" }), [expr]);
  assert.deepEqual(textsOf({ expr, scope: "cluster" }, "n1"), [expr]);
});

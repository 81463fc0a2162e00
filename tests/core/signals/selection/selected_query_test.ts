import assert from "node:assert/strict";
import {
  joinSelectors,
  queryOfNode,
  textsOf,
} from "../../../../src/core/signals/selection/selected_query.ts";

Deno.test("joinSelectors() gives one text, however the selectors are ordered", () => {
  assert.equal(joinSelectors(["b", ' a{x="1"} ', "b"]), 'match[]=a{x="1"}&match[]=b');
  assert.equal(joinSelectors(['a{x="1"}', "b"]), joinSelectors(["b", 'a{x="1"}']));
  assert.equal(joinSelectors([" up "]), "up");
});

Deno.test("textsOf() asks each selector, or the one expression", () => {
  assert.deepEqual(textsOf({ expr: "up" }), ["up"]);
  assert.deepEqual(textsOf({ expr: "match[]=a&match[]=b", match: ["b", "a"] }), ["b", "a"]);
});

Deno.test("queryOfNode() fills the node in, and leaves a query of the cluster alone", () => {
  const match = ['up{node="$node"}', "down{node=~'$node:.+'}"];
  const query = { name: "q", expr: joinSelectors(match), match, step: 15_000 };
  const filled = queryOfNode({ ...query, scope: "node" }, "a.b");
  assert.deepEqual(filled.match, ['up{node="a.b"}', "down{node=~'a\\\\.b:.+'}"]);
  assert.equal(filled.expr, `match[]=down{node=~'a\\\\.b:.+'}&match[]=up{node="a.b"}`);
  assert.deepEqual(queryOfNode({ ...query, scope: "cluster" }, "a.b").match, match);
  assert.deepEqual(queryOfNode(query, "a.b"), query);
});

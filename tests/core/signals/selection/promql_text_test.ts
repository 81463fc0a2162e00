import assert from "node:assert/strict";
import fc from "fast-check";
import {
  fillNode,
  findNode,
  isSelector,
} from "../../../../src/core/signals/selection/promql_text.ts";
import { StalledError } from "../../../../src/errors.ts";

Deno.test("isSelector() takes series selectors, and nothing that is more, or selects all", () => {
  const good = [
    "up",
    'up{job="api"}',
    ' {__name__=~"node_.+", mode!="idle"} ',
    `a:b{c='}', d=\`{"\`}`,
    'up{job="a\\"}b"}',
    '{"a metric", job="x"}',
    "up {\n}",
  ];
  for (const text of good) assert.ok(isSelector(text), text);
  const bad = [
    "",
    "{}",
    "{ , }",
    "rate(up[5m])",
    "up[5m]",
    "up offset 5m",
    'up{job="a"} or down{job="b"}',
    "1up",
    'up{job="a}',
    "sum(up)",
    "up # {}",
  ];
  for (const text of bad) assert.ok(!isSelector(text), text);
});

Deno.test("findNode() tells strings from code and comments", () => {
  assert.equal(findNode('up{node="$node"}'), "strings");
  assert.equal(findNode("up{node=`$node`} # $node"), "strings");
  assert.equal(findNode("up{node=$node}"), "elsewhere");
  assert.equal(findNode('up{node="$nodes"} # $node "$node"'), "nowhere");
  assert.equal(findNode('up{node="a\\"b"} + $node'), "elsewhere");
});

Deno.test("fillNode() escapes the name for what it stands in", () => {
  assert.equal(fillNode('up{node="$node"}', "a.b-1"), 'up{node="a.b-1"}');
  assert.equal(fillNode('up{i=~"$node:.+"}', "a.b"), 'up{i=~"a\\\\.b:.+"}');
  assert.equal(fillNode("up{i !~ '$node'}", "a.b"), "up{i !~ 'a\\\\.b'}");
  assert.equal(fillNode("up{i=~`$node`}", "a.b"), "up{i=~`a\\.b`}");
  assert.equal(fillNode('up{i=~ # "$node"\n"$node"}', "a.b"), 'up{i=~ # "$node"\n"a\\\\.b"}');
  assert.equal(
    fillNode('label_replace(up{a=~"x",b="$node"}, "node", "$node", "", "")', "a.b"),
    'label_replace(up{a=~"x",b="a.b"}, "node", "a.b", "", "")',
  );
});

Deno.test("fillNode() refuses what cannot be a node's name", () => {
  for (const name of ["", 'a"} or up{b="', "a b", "-a", "$node", "a".repeat(254)]) {
    assert.throws(
      () => fillNode('up{node="$node"}', name),
      (error) => error instanceof StalledError && error.code === "config_invalid",
      name,
    );
  }
});

Deno.test("fillNode() leaves the text around alone, and its strings end where they did", () => {
  const names = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,30}[a-z0-9])?$/);
  const quotes = fc.constantFrom('"', "'", "`");
  const operators = fc.constantFrom("=", "!=", "=~", "!~");
  fc.assert(fc.property(names, quotes, operators, (name, quote, operator) => {
    const filled = fillNode(`up{node${operator}${quote}x$node${quote}}`, name);
    assert.ok(isSelector(filled), filled);
    const text = filled.slice(`up{node${operator}x`.length + 1, -2);
    const value = quote === "`" ? text : text.replaceAll("\\\\", "\\");
    if (!operator.endsWith("~")) return assert.equal(value, name);
    const pattern = new RegExp(`^(?:${value})$`);
    assert.match(name, pattern);
    assert.doesNotMatch(`${name.replace(/./, "~")}`, pattern);
  }));
});

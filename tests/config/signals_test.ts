import assert from "node:assert/strict";
import { Signals } from "../../src/config/signals.ts";

function parse(signals: unknown) {
  return Signals.parse(signals);
}

function complaints(signals: unknown): string[] {
  const parsed = Signals.safeParse(signals);
  assert.ok(!parsed.success, "was accepted");
  return parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

const query = (fields: object) => ({ queries: [{ name: "q", ...fields }] });

Deno.test("signals take an expression as they always did", () => {
  assert.deepEqual(parse(query({ expr: "up", step: "30s" })).queries, [
    { name: "q", expr: "up", step: 30_000, scope: "cluster" },
  ]);
});

Deno.test("signals give several selectors one text, under which the cursor knows them", () => {
  const match = ['up{job="a"}', "{__name__=~'node_.+'}"];
  const { expr } = parse(query({ match })).queries[0]!;
  assert.equal(expr, `match[]=up{job="a"}&match[]={__name__=~'node_.+'}`);
  assert.equal(parse(query({ match: match.toReversed() })).queries[0]!.expr, expr);
  assert.deepEqual(parse(query({ match })).queries[0]!.match, match);
  assert.equal(parse(query({ match: ["up"] })).queries[0]!.expr, "up");
});

Deno.test("signals want exactly one of expr and match", () => {
  const message = "queries.0: needs exactly one of expr and match";
  assert.deepEqual(complaints(query({})), [message]);
  assert.deepEqual(complaints(query({ expr: "up", match: ["up"] })), [message]);
  assert.match(complaints(query({ match: ["rate(up[5m])"] }))[0]!, /^queries.0.match.0: must be a/);
  assert.equal(complaints(query({ match: [] })).length, 1);
});

Deno.test("signals take $node where it will be filled in, and nowhere else", () => {
  const scope = "node";
  const { queries } = parse(query({ scope, match: ['a{n="$node"}', "b{n=~'$node.*'}"] }));
  assert.equal(queries[0]!.scope, "node");
  const bad: [object, RegExp][] = [
    [{ scope, expr: "up" }, /q?ueries.0.expr: has no \$node/],
    [{ scope, match: ['a{n="$node"}', "b"] }, /queries.0.match: has no \$node/],
    [{ scope, expr: "up{n=$node}" }, /outside of a string/],
    [{ expr: 'up{n="$node"}' }, /with scope: node only/],
  ];
  for (const [fields, message] of bad) assert.match(complaints(query(fields))[0]!, message);
});

Deno.test("signals take rules for labels, but none for a metric's name", () => {
  const labels = { drop: ["uid"], hash: ["customer"] };
  assert.deepEqual(parse(query({ expr: "up", labels })).queries[0]!.labels, {
    drop: ["uid"],
    keep: [],
    hash: ["customer"],
  });
  assert.match(
    complaints(query({ expr: "up", labels: { hash: ["__name__"] } }))[0]!,
    /queries.0.labels.hash.0: must not be __name__/,
  );
});

Deno.test("signals put presets before own queries, and an own one in the place of its namesake", () => {
  const own = { name: "node.cpu-utilisation", expr: "vector(1)", step: "1m" };
  const { queries } = parse({ presets: ["node", "gpu", "node"], queries: [own] });
  const names = queries.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.includes("gpu.utilisation") && names.includes("node.load-per-cpu"));
  assert.equal(queries.find(({ name }) => name === own.name)!.expr, "vector(1)");
  assert.deepEqual(parse({}).queries, []);
  assert.match(complaints({ presets: ["nodes"] })[0]!, /presets.0/);
});

Deno.test("signals still refuse two queries of one name", () => {
  const twice = [{ name: "q", expr: "a" }, { name: "q", expr: "b" }];
  assert.deepEqual(complaints({ queries: twice }), [
    "queries: must not hold two queries of one name",
  ]);
});

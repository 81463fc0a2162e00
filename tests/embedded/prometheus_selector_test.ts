import assert from "node:assert/strict";
import { parseSelector } from "../../src/embedded/prometheus_selector.ts";

const SERIES = { __name__: "up", job: "api", path: "a.b\\c" };

Deno.test("parseSelector() selects by name and by every kind of matcher", () => {
  const selecting = [
    "up",
    ' up { job = "api" , } ',
    '{__name__="up"}',
    '{__name__=~"u.", job!="web", job!~"w.*"}',
    'up{nope=""}',
    'up{path="a.b\\\\c"}',
    "up{path=~`a\\.b.c`}",
  ];
  for (const text of selecting) assert.equal(parseSelector(text)?.(SERIES), true, text);
  const others = ["down", 'up{job="web"}', 'up{job=~"ap"}', 'up{job!~".+"}', 'up{nope!=""}'];
  for (const text of others) assert.equal(parseSelector(text)?.(SERIES), false, text);
});

Deno.test("parseSelector() knows no more than selectors", () => {
  for (const text of ["", "{}", "rate(up[5m])", 'up{job="a" job="b"}', 'up{job=~"("}', "up{job}"]) {
    assert.equal(parseSelector(text), null, text);
  }
});

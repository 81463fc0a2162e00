import assert from "node:assert/strict";
import * as z from "zod";
import { describeIssues } from "../../src/core/schema_problem.ts";

function describe(schema: z.ZodType, input: unknown): string[] {
  const parsed = schema.safeParse(input);
  assert.ok(!parsed.success);
  return describeIssues(parsed.error, input, schema);
}

const Step = z.union([
  z.strictObject({ wait: z.strictObject({ name: z.string(), seconds: z.int().min(1) }) }),
  z.strictObject({ skip: z.strictObject({ name: z.string() }) }),
]);

Deno.test("describeIssues judges a union by the branch that was meant, however wrong it is", () => {
  assert.deepEqual(describe(z.array(Step), [{ wait: { name: 1, seconds: 0, more: true } }]), [
    "[0].wait.name: must be of type string (is 1)",
    "[0].wait.seconds: must be at least 1 (is 0)",
    "[0].wait.more: unknown field, allowed are name, seconds",
  ]);
  assert.deepEqual(describe(Step, { skip: 5 }), ["skip: must be of type mapping (is 5)"]);
});

Deno.test("describeIssues names the allowed keys behind defaults, lists, records and transforms", () => {
  const inner = z.strictObject({ a: z.string().optional(), b: z.number().optional() });
  const schema = z.strictObject({
    list: z.array(inner).default([]),
    record: z.record(z.string(), inner).optional(),
    piped: inner.nullish().transform((value) => value),
    filled: inner.prefault({}),
  });
  const input = { list: [{ c: 1 }], record: { x: { c: 1 } }, piped: { c: 1 }, filled: { c: 1 } };
  assert.deepEqual(describe(schema, input), [
    "list[0].c: unknown field, allowed are a, b",
    "record.x.c: unknown field, allowed are a, b",
    "piped.c: unknown field, allowed are a, b",
    "filled.c: unknown field, allowed are a, b",
  ]);
});

Deno.test("describeIssues shortens long values and long lists of problems", () => {
  const [line] = describe(z.object({ a: z.number() }), { a: "x".repeat(1000) });
  assert.ok(line!.length < 120 && line!.includes("…"));
  const lines = describe(z.array(z.string()), Array(50).fill(1));
  assert.equal(lines.length, 11);
  assert.equal(lines.at(-1), "… and 40 more");
});

Deno.test("describeIssues does not repeat what may be a secret", () => {
  const schema = z.object({ tokenFile: z.string().min(50), url: z.string().min(500) });
  const text = describe(schema, {
    tokenFile: "hunter22",
    url: "https://user:hunter22@host/path?sig=hunter22",
  }).join("\n");
  assert.ok(!text.includes("hunter22"), text);
  assert.match(text, /url: .*\(is "https:\/\/…@host\/path\?…"\)/);
});

Deno.test("describeIssues says what is missing even where the input is withheld", () => {
  const parsed = z.object({ a: z.string(), b: z.enum(["x", "y"]) }).safeParse({ a: 5 });
  assert.deepEqual(describeIssues(parsed.error!, undefined), [
    "a: must be of type string",
    "b: is missing, must be one of x, y",
  ]);
});

Deno.test("describeIssues speaks of the top where the whole is wrong", () => {
  assert.deepEqual(describe(z.object({}), []), ["(top): must be of type mapping (is a list)"]);
  assert.deepEqual(describe(z.object({}), null), ["(top): must be of type mapping (is null)"]);
});

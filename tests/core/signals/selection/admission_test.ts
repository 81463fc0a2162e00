import assert from "node:assert/strict";
import fc from "fast-check";
import { Admission } from "../../../../src/core/signals/selection/admission.ts";

const MINUTE = 60_000;

function windowAt(minute: number) {
  return { startMs: minute * MINUTE, endMs: (minute + 1) * MINUTE - 15_000, stepMs: 15_000 };
}

function admitted(admission: Admission, minute: number, keys: readonly string[]): string[] {
  admission.open(windowAt(minute));
  return keys.filter((key) => admission.admit(key));
}

Deno.test("Admission keeps in who is in, and lets others in once someone is long gone", () => {
  const admission = new Admission(2);
  assert.deepEqual(admitted(admission, 100, ["b", "c"]), ["b", "c"]);
  assert.deepEqual(admitted(admission, 101, ["a", "b", "c", "d"]), ["b", "c"]);
  assert.deepEqual(admitted(admission, 102, ["a", "c"]), ["c"], "b still has its place");
  assert.deepEqual(admitted(admission, 110, ["a", "c"]), ["c"]);
  assert.deepEqual(admitted(admission, 120, ["a", "c"]), ["a", "c"], "b has been gone for long");
});

Deno.test("Admission forgets no series that a long window would not have shown", () => {
  const admission = new Admission(1);
  const hour = (n: number) => ({
    startMs: n * 60 * MINUTE,
    endMs: (n * 60 + 59) * MINUTE,
    stepMs: MINUTE,
  });
  admission.open(hour(10));
  assert.ok(admission.admit("a"));
  admission.open(hour(12));
  assert.ok(!admission.admit("b"));
  admission.open(hour(14));
  assert.ok(admission.admit("b"));
});

Deno.test("Admission keeps the places of a backlog's series while new windows come", () => {
  const admission = new Admission(2);
  assert.deepEqual(admitted(admission, 1000, ["live"]), ["live"]);
  assert.deepEqual(admitted(admission, 500, ["a", "b"]), ["a"]);
  assert.deepEqual(admitted(admission, 1001, ["live", "new"]), ["live"]);
  assert.deepEqual(admitted(admission, 501, ["a", "b"]), ["a"]);
  assert.deepEqual(admitted(admission, 1020, ["live", "new"]), ["live", "new"]);
});

Deno.test("Admission does not age a series by a window from a backlog", () => {
  const admission = new Admission(1);
  assert.deepEqual(admitted(admission, 1000, ["a"]), ["a"]);
  assert.deepEqual(admitted(admission, 500, ["a"]), ["a"]);
  assert.deepEqual(admitted(admission, 1001, ["b"]), []);
});

Deno.test("Admission lets never more in than it may, says the same on a retry, and holds who is there", () => {
  const keys = fc.uniqueArray(fc.stringMatching(/^[a-z]$/), { maxLength: 20 });
  const windows = fc.array(fc.tuple(fc.nat(20), keys), { maxLength: 30 });
  fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), windows, (maxSeries, asked) => {
    const admission = new Admission(maxSeries);
    let minute = 1000;
    let beforeMinute = -Infinity;
    let beforeIn: string[] = [];
    for (const [pause, offered] of asked) {
      minute += pause;
      const first = admitted(admission, minute, offered);
      assert.ok(first.length <= maxSeries && admission.size <= maxSeries);
      assert.deepEqual(admitted(admission, minute, offered), first);
      if (minute - beforeMinute <= 10) {
        const stayed = beforeIn.filter((key) => offered.includes(key));
        assert.ok(stayed.every((key) => first.includes(key)));
      }
      if (first.length < offered.length) assert.equal(admission.size, maxSeries);
      beforeMinute = minute;
      beforeIn = first;
    }
  }));
});

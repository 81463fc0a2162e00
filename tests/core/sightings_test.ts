import assert from "node:assert/strict";
import fc from "fast-check";
import { Sightings } from "../../src/core/sightings.ts";

Deno.test("sightings believe what comes under guard, and nothing that was there before it", () => {
  const sightings = new Sightings();
  assert.deepEqual([...sightings.look(["early"], true)], []);
  assert.deepEqual([...sightings.look(["early", "late"], true)], ["late"]);
  assert.deepEqual([...sightings.look(["early", "late"], true)], ["late"], "and go on to");
  assert.deepEqual([...sightings.look(["late"], false)], []);
  assert.deepEqual([...sightings.look(["late"], true)], [], "not after a gap either");
  sightings.look([], true);
  sightings.forget();
  assert.deepEqual([...sightings.look(["unseen"], true)], []);
});

Deno.test("sightings believe what was taken away and written again between two looks", () => {
  const sightings = new Sightings();
  sightings.look(["early"], true);
  assert.deepEqual([...sightings.look(["early"], true)], []);
  sightings.gone("early");
  assert.deepEqual([...sightings.look(["early"], true)], ["early"]);
  sightings.look(["early"], false);
  sightings.gone("early");
  assert.deepEqual([...sightings.look(["early"], true)], [], "not while nobody guarded it");
});

Deno.test("sightings believe nothing that was written while there was no guard", () => {
  const look = fc.record({
    isGuarded: fc.boolean(),
    write: fc.boolean(),
    remove: fc.boolean(),
    rewrite: fc.boolean(),
    isForgotten: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(look, { maxLength: 30 }), (looks) => {
    const sightings = new Sightings();
    const present = new Map<string, boolean>();
    let wasGuarded = false;
    for (const [index, { isGuarded, write, remove, rewrite, isForgotten }] of looks.entries()) {
      if (isForgotten) {
        sightings.forget();
        wasGuarded = false;
      }
      if (remove) present.clear();
      if (rewrite) {
        // Seen to be gone, then written again before the next look.
        for (const one of present.keys()) {
          sightings.gone(one);
          present.set(one, wasGuarded && isGuarded);
        }
      }
      if (write) present.set(`decision ${index}`, wasGuarded && isGuarded);
      const believed = sightings.look([...present.keys()], isGuarded);
      for (const one of believed) assert.ok(present.get(one), one);
      if (!isGuarded) { for (const one of present.keys()) present.set(one, false); }
      wasGuarded = isGuarded;
    }
  }));
});

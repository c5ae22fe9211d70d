import test from "ava";
import fc from "fast-check";
import { SlotPool } from "../src/coupling/slot-pool.ts";

test("SlotPool hands out every slot from 1 up once, then 0", (t) => {
  const slots = new SlotPool(4);
  t.deepEqual([slots.take(), slots.take(), slots.take(), slots.take(), slots.take()], [1, 2, 3, 0, 0]);
  t.is(slots.used, 3);
});

test("SlotPool hands out what was given back, and only that", (t) => {
  const slots = new SlotPool(4);
  for (let n = 0; n < 3; n++) slots.take();
  slots.free(2);
  t.is(slots.used, 2);
  t.is(slots.take(), 2);
  t.is(slots.take(), 0);
});

test("SlotPool.claim() takes a slot that the kernel still names, and refuses none and a slot in use", (t) => {
  const slots = new SlotPool(4);
  t.false(slots.claim(0));
  t.true(slots.claim(2));
  t.false(slots.claim(2));
  t.deepEqual([slots.take(), slots.take(), slots.take()], [1, 3, 0]);
});

test("SlotPool.free() ignores slots that are not in use", (t) => {
  const slots = new SlotPool(3);
  slots.free(0);
  slots.free(2);
  slots.take();
  slots.free(1);
  slots.free(1);
  t.is(slots.used, 0);
  t.deepEqual([slots.take(), slots.take(), slots.take()].toSorted(), [0, 1, 2]);
});

test("SlotPool never gives a slot to two, whatever is taken, claimed and freed", (t) => {
  const size = 6;
  const move = fc.record({ kind: fc.constantFrom("take", "claim", "free"), slot: fc.nat(size - 1) });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const slots = new SlotPool(size);
      const held = new Set<number>();
      for (const { kind, slot } of moves) {
        if (kind === "take") {
          const got = slots.take();
          if (got === 0 ? held.size < size - 1 : held.has(got) || got >= size) throw new Error(`took ${got} beside ${[...held]}`);
          if (got !== 0) held.add(got);
        } else if (kind === "claim") {
          if (slots.claim(slot) !== (slot !== 0 && !held.has(slot))) throw new Error(`claimed ${slot} beside ${[...held]}`);
          if (slot !== 0) held.add(slot);
        } else {
          slots.free(slot);
          held.delete(slot);
        }
        if (slots.used !== held.size) throw new Error(`${slots.used} used, ${held.size} held`);
      }
    }),
    { seed: 65536, numRuns: 2000 },
  );
  t.pass();
});

test("SlotPool knows the two sockets of a slot by either, until they leave; the slot stays in use until it is given back", (t) => {
  const slots = new SlotPool(4);
  const slot = slots.take([11n, 12n]);
  t.is(slots.slotOf(12n), slot);
  t.deepEqual([slots.peer(11n), slots.peer(12n), slots.peer(13n)], [12n, 11n, undefined]);
  t.deepEqual(slots.all(), [[11n, 12n]]);
  t.is(slots.pairs, 1);
  t.deepEqual(slots.leave(slot), [11n, 12n]);
  t.deepEqual(slots.leave(slot), []);
  t.is(slots.peer(11n), undefined);
  t.deepEqual([slots.pairs, slots.used], [0, 1]);
  slots.free(slot);
  t.is(slots.used, 0);
  t.is(slots.take([11n, 14n]), slot);
  t.is(slots.peer(11n), 14n);
});

test("SlotPool.claim() of a slot in use is true for the very same two sockets only", (t) => {
  const slots = new SlotPool(4);
  const slot = slots.take([11n, 12n]);
  t.true(slots.claim(slot, [11n, 12n]));
  t.false(slots.claim(slot, [11n, 13n]));
  t.false(slots.claim(slot));
  t.true(slots.claim(2, [11n, 15n]));
  t.is(slots.peer(11n), 12n, "a socket is in one pair");
  t.is(slots.peer(15n), undefined);
});

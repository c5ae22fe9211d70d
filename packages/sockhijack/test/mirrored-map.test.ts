import { type TypedMap, u32, u64 } from "@mitsu/ebpf-ts";
import test from "ava";
import fc from "fast-check";
import { MirroredMap } from "../src/mesh/mirrored-map.ts";

/** A map in memory that also notes what was done to it. */
function fakeMap(entries: readonly (readonly [number, bigint])[] = []) {
  const held = new Map(entries);
  const done: string[] = [];
  const map = {
    entries: () => {
      done.push("read");
      return held.entries();
    },
    set: (key: number, value: bigint) => {
      done.push(`set ${key} ${value}`);
      held.set(key, value);
    },
    delete: (key: number) => {
      done.push(`delete ${key}`);
      return held.delete(key);
    },
  };
  return { map: map as unknown as TypedMap<number, bigint>, held, done };
}
const mirror = ({ map }: ReturnType<typeof fakeMap>, options: { readFirst: boolean; empty?: bigint }) =>
  new MirroredMap(map, u32, u64, options);

test("MirroredMap.sync() writes what is new or different, then deletes what is no longer wanted", (t) => {
  const fake = fakeMap();
  const mirrored = mirror(fake, { readFirst: false });
  t.is(
    mirrored.sync([
      [1, 10n],
      [2, 20n],
    ]),
    2,
  );
  fake.done.length = 0;
  t.is(
    mirrored.sync([
      [2, 20n],
      [3, 30n],
      [1, 11n],
    ]),
    2,
  );
  t.deepEqual(fake.done, ["set 3 30", "set 1 11"]);
  fake.done.length = 0;
  t.is(mirrored.sync([[4, 1n]]), 4);
  t.deepEqual(fake.done, ["set 4 1", "delete 1", "delete 2", "delete 3"]);
});

test("MirroredMap.sync() does not even walk the list that it has written whole", (t) => {
  const fake = fakeMap();
  const mirrored = mirror(fake, { readFirst: false });
  let walks = 0;
  const wanted = {
    *[Symbol.iterator](): Generator<[number, bigint]> {
      walks++;
      yield [1, 10n];
    },
  };
  t.is(mirrored.sync(wanted), 1);
  t.is(mirrored.sync(wanted), 0);
  t.is(walks, 1);
  // Another one came between: what is in the kernel is not the list's any more.
  mirrored.sync([]);
  t.is(mirrored.sync(wanted), 1);
  t.deepEqual([...fake.held], [[1, 10n]]);
});

test("MirroredMap.sync() writes the same list again after a write that failed", (t) => {
  const fake = fakeMap();
  let full = true;
  const failing = {
    ...fake.map,
    set: (key: number, value: bigint) => {
      if (full) throw new Error("full");
      fake.held.set(key, value);
    },
  };
  const mirrored = new MirroredMap(failing as unknown as TypedMap<number, bigint>, u32, u64, { readFirst: false });
  const wanted: [number, bigint][] = [[1, 10n]];
  t.throws(() => mirrored.sync(wanted), { message: "full" });
  full = false;
  t.is(mirrored.sync(wanted), 1);
  t.deepEqual([...fake.held], [[1, 10n]]);
});

test("MirroredMap.sync() touches nothing when nothing changed", (t) => {
  const fake = fakeMap();
  const mirrored = mirror(fake, { readFirst: false });
  mirrored.sync([[1, 10n]]);
  fake.done.length = 0;
  t.is(mirrored.sync([[1, 10n]]), 0);
  t.deepEqual(fake.done, []);
});

test("MirroredMap with readFirst removes what an earlier daemon left and keeps what still holds", (t) => {
  const fake = fakeMap([
    [1, 10n],
    [2, 20n],
  ]);
  const mirrored = mirror(fake, { readFirst: true });
  t.is(
    mirrored.sync([
      [1, 10n],
      [3, 30n],
    ]),
    2,
  );
  t.deepEqual(fake.done, ["read", "set 3 30", "delete 2"]);
});

test("MirroredMap of an array writes its empty value instead of deleting, and does not read all its slots first", (t) => {
  const fake = fakeMap([[1, 10n]]);
  const mirrored = mirror(fake, { readFirst: true, empty: 0n });
  mirrored.sync([[2, 20n]]);
  mirrored.sync([]);
  t.deepEqual(fake.done, ["set 2 20", "set 2 0"]);
});

test("MirroredMap.sync() tries again after the kernel refused an entry", (t) => {
  const fake = fakeMap();
  const mirrored = mirror(fake, { readFirst: false });
  const { set } = fake.map;
  fake.map.set = () => {
    throw new RangeError("map is full");
  };
  t.throws(() => mirrored.sync([[1, 10n]]), { message: "map is full" });
  fake.map.set = set;
  t.is(mirrored.sync([[1, 10n]]), 1);
  t.deepEqual([...fake.held], [[1, 10n]]);
});

test("MirroredMap holds what was wanted last, whatever came before, and rewrites nothing that stayed", (t) => {
  const state = fc.uniqueArray(fc.tuple(fc.nat(8), fc.bigInt(0n, 3n)), { selector: ([key]) => key });
  fc.assert(
    fc.property(state, fc.array(state, { maxLength: 6 }), (before, states) => {
      const fake = fakeMap(before);
      const mirrored = mirror(fake, { readFirst: true });
      for (const wanted of states) {
        const old = new Map(fake.held);
        fake.done.length = 0;
        const touched = mirrored.sync(wanted);
        const differing = new Set(
          [...old.keys(), ...wanted.map(([key]) => key)].filter((key) => old.get(key) !== new Map(wanted).get(key)),
        );
        if (touched !== differing.size || fake.done.length !== differing.size) throw new Error(`${touched} touched: ${fake.done}`);
        const sorted = (list: Iterable<readonly [number, bigint]>) => [...list].map(String).toSorted().join();
        if (sorted(fake.held) !== sorted(wanted)) throw new Error("the map is not what was wanted");
      }
    }),
    { seed: 51, numRuns: 500 },
  );
  t.pass();
});

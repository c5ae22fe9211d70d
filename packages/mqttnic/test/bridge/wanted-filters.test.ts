import test from "ava";
import fc from "fast-check";
import { covers } from "../../src/bridge/topic-filter.ts";
import { WantedFilters } from "../../src/bridge/wanted-filters.ts";

test("WantedFilters subscribes to the fewest filters that cover all wanted ones, and tells each change", (t) => {
  const part = fc.constantFrom("a", "b", "+");
  const filter = fc
    .tuple(fc.array(part, { minLength: 0, maxLength: 3 }), fc.constantFrom("a", "+", "#", ""))
    .map(([parts, last]) => [...parts, last].join("/"));
  fc.assert(
    fc.property(fc.array(fc.tuple(filter, fc.boolean()), { maxLength: 40 }), (steps) => {
      const wanted = new WantedFilters();
      const model = new Map<string, number>();
      const subscribed = new Set<string>();
      for (const [name, more] of steps) {
        if (!more && !model.has(name)) continue;
        const count = (model.get(name) ?? 0) + (more ? 1 : -1);
        if (count === 0) model.delete(name);
        else model.set(name, count);
        const { subscribe, unsubscribe } = more ? wanted.add(name) : wanted.delete(name);
        for (const one of unsubscribe) t.true(subscribed.delete(one), `${one} was not subscribed to`);
        for (const one of subscribe) {
          t.false(subscribed.has(one));
          subscribed.add(one);
        }
        const all = [...model.keys()];
        const expected = all.filter((one) => !all.some((other) => other !== one && covers(other, one)));
        t.deepEqual([...subscribed].toSorted(), expected.toSorted());
        t.deepEqual([...wanted.active].toSorted(), expected.toSorted());
      }
    }),
    { seed: 1, numRuns: process.env.MITSU_TEST_ALL === "1" ? 500 : 150 },
  );
});

test("WantedFilters leaves out what begins with $, and takes thousands in milliseconds", (t) => {
  const wanted = new WantedFilters();
  t.deepEqual(wanted.add("$SYS/#"), { subscribe: [], unsubscribe: [] });
  for (let index = 0; index < 20_000; index++) wanted.add(`site/${index % 100}/node/${index}/load`);
  t.is(wanted.active.size, 20_000);
  t.is(wanted.add("site/#").unsubscribe.length, 20_000);
  t.is(wanted.delete("site/#").subscribe.length, 20_000);
});

test("covers() follows MQTT 5.0 §4.7 [MQTT-4.7.1-1] [MQTT-4.7.2-1]", (t) => {
  for (const [outer, inner, is] of [
    ["a/#", "a", true],
    ["a/#", "a/b/+", true],
    ["a/#", "a/#", true],
    ["a/+", "a/#", false],
    ["a/+", "a", false],
    ["a/+", "a/", true],
    ["+/+", "/a", true],
    ["+", "/a", false],
    ["#", "$SYS/x", false],
    ["+/x", "$SYS/x", false],
    ["$SYS/#", "$SYS/x", true],
    ["a/b", "a/+", false],
  ] as const)
    t.is(covers(outer, inner), is, `${outer} ${inner}`);
});

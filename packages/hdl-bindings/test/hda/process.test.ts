import test from "ava";
import { aStar } from "../../src/hda/a-star.ts";
import { domainOf, searchByProcesses } from "../../src/hda/process.ts";

test.serial("searchByProcesses() finds A*'s cost, blocking and asynchronous", async (t) => {
  t.timeout(30_000);
  for (const [spec, elements] of [
    [{ korf: 12, cost: 30 }, 3],
    [{ grid: { width: 24, height: 24, blocked: 0.3, seed: 2 } }, 2],
  ] as const)
    for (const blocking of [false, true]) {
      const outcome = await searchByProcesses(spec, { elements, blocking });
      t.is(outcome.cost, aStar(domainOf(spec)).cost);
      t.true(outcome.messages > 0 && outcome.expansions > 0);
    }
});

test.serial("searchByProcesses() ends without a way, and alone", async (t) => {
  t.timeout(30_000);
  const spec = { grid: { width: 30, height: 30, blocked: 0.6, seed: 3 } };
  t.is(aStar(domainOf(spec)).cost, Number.POSITIVE_INFINITY);
  t.is((await searchByProcesses(spec, { elements: 2 })).cost, Number.POSITIVE_INFINITY);
  t.is((await searchByProcesses({ korf: 55, cost: 20 }, { elements: 1 })).cost, 20);
});

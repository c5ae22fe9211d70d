/** The device over match_table.sv. */
import { existsSync } from "node:fs";
import { matchAction, Placement, softwareMatchAction } from "@mitsu/hal";
import { conformance, matchActionCase } from "@mitsu/hal/conformance";
import { MatchTable } from "../../models/match_table.ts";
import { matchTableDevice, matchTableLimits, openMatchTableDevice } from "../../src/devices/match-action.ts";
import { collidingDifferences } from "../match-action/colliding-keys.ts";
import { rtlTest } from "../rtl-test.ts";
import { numbers } from "../topic-matcher/numbers.ts";

const built = existsSync(new URL("../../models/match_table.wasm", import.meta.url));

/** A different one each time, and the same ones in each run. */
function seeds(from: number): () => bigint {
  const random = numbers(from);
  return () =>
    BigInt.asUintN(
      175,
      Array.from({ length: 6 }, () => random(2 ** 32)).reduce((sum, word) => (sum << 32n) | BigInt(word), 0n),
    );
}

if (built) {
  // The suite opens devices at once, and a model takes a while.
  const models = await Promise.all(Array.from({ length: 16 }, () => MatchTable.open()));
  conformance("match_table.sv", () => matchTableDevice(models.pop()!, { seed: seeds(1) }), [matchActionCase]);
} else rtlTest("match_table.sv is a device", { needs: ["models"] }, (t) => t.fail());

rtlTest("matchTableDevice() holds all its 14 336 keys and finds each in 5 cycles", { needs: ["models"] }, async (t) => {
  const model = await MatchTable.open();
  t.teardown(() => model.close());
  const device = matchTableDevice(model, { seed: seeds(2) });
  const { entries } = matchTableLimits;
  const { operations } = device.install({ capability: matchAction, spec: { entries, keyBits: 104, match: "exact" } });
  const random = numbers(3);
  // Half of them in a row, as addresses are.
  const keys = Array.from({ length: entries }, (_, at) => (at % 2 ? BigInt(at) << 40n : (BigInt(random(2 ** 32)) << 60n) | BigInt(at)));
  for (const [at, key] of keys.entries()) operations.add(key, 104, at);
  t.throws(() => operations.add((1n << 104n) - 1n, 104, 1), { code: "ERR_HAL_FULL" });
  for (let at = 0; at < entries; at += 7) {
    const before = model.cycle;
    t.is(operations.lookup(keys[at]!), at);
    t.is(model.cycle - before, 6, "5 cycles, and one in which the answer is taken");
  }
  t.is(operations.lookup((1n << 104n) - 1n), undefined);
  t.is(operations.hits(keys[7]!, 104), 1);
  const { "match-action.moves": moves, "match-action.reseeds": reseeds } = device.counters();
  t.true(moves! > 100, `${moves} keys were moved`);
  t.is(reseeds, 0);
  t.deepEqual(device.offers()[0]!.cost, { ns: 50, cycles: 5 });
});

rtlTest("matchTableDevice() takes another seed when keys collide in every way, and loses no hits", { needs: ["models"] }, async (t) => {
  const model = await MatchTable.open();
  t.teardown(() => model.close());
  const device = matchTableDevice(model, { seed: seeds(4) });
  const { operations } = device.install({ capability: matchAction, spec: { entries: 64, keyBits: 120, match: "prefix" } });
  // Differences whose upper 8 bits are 0 keep a key within its table.
  const differences = collidingDifferences(seeds(4)(), 128, 48).filter((one) => one >> 120n === 0n);
  t.true(differences.length > 5);
  const keys = [0n, ...differences.slice(0, 5)];
  operations.add(0n, 0, 9);
  for (const [at, key] of keys.slice(0, 4).entries()) {
    operations.add(key, 120, at);
    t.is(operations.lookup(key), at);
  }
  t.is(device.counters()["match-action.reseeds"], 0);
  for (const [at, key] of keys.entries()) operations.add(key, 120, at + 10);
  t.is(device.counters()["match-action.reseeds"], 1);
  for (const [at, key] of keys.entries()) {
    t.is(operations.lookup(key), at + 10);
    t.is(operations.hits(key, 120), at < 4 ? 2 : 1);
  }
  t.is(operations.lookup(1n), 9);
  t.is(operations.hits(0n, 0), 1);
});

rtlTest(
  "matchTableDevice() refuses keys of more than 120 bits and prefixes beyond its 64 slots, with the reason",
  { needs: ["models"] },
  async (t) => {
    const { device, close } = await openMatchTableDevice();
    t.teardown(close);
    const asked = (spec: object) => device.validate({ capability: matchAction, spec });
    t.like(asked({ entries: 1, keyBits: 128, match: "exact" }), {
      ok: false,
      code: "limit",
      reason: "takes keys of 120 bits at most, not 128",
    });
    const first = device.install({ capability: matchAction, spec: { entries: 10_000, keyBits: 32, match: "prefix" } });
    t.like(asked({ entries: 1, keyBits: 32, match: "prefix" }), { ok: false, reason: "has 0 of 64 slots for prefixes left, not 1" });
    t.true(asked({ entries: 4336, keyBits: 32, match: "exact" }).ok);
    for (let at = 0; at < 64; at++) first.operations.add(BigInt(at) << 20n, 16 - 4, at);
    for (let at = 0; at < 100; at++) first.operations.add(BigInt(at), 32, at);
    t.throws(() => first.operations.add(0n, 0, 1), { code: "ERR_HAL_LIMIT" });
    t.is(first.operations.lookup(5n << 20n), 5);
    t.is(first.operations.lookup(5n), 5);
    t.is(first.operations.remove(0n, 12), true);
    first.operations.add(0n, 0, 1);
    t.is(first.operations.lookup(0xffff_ffffn), 1);
  },
);

rtlTest("matchTableDevice() is gone when its model fails: the rows and hits go elsewhere", { needs: ["models"] }, async (t) => {
  const model = await MatchTable.open();
  let fails = false;
  const frail = new Proxy(model, {
    get(target, name) {
      if (name === "step" && fails) throw new Error("the simulation ended");
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
  const device = matchTableDevice(frail, { seed: seeds(5) });
  const placement = new Placement([device, softwareMatchAction(100)]);
  const work = placement.place("routes", { capability: matchAction, spec: { entries: 4, keyBits: 32, match: "prefix" } });
  work.operations.add(0n, 0, 1);
  work.operations.add(7n, 32, 2);
  t.is(work.operations.lookup(7n), 2);
  t.is(placement.report().work[0]!.device, "rtl-match-table");
  fails = true;
  t.is(work.operations.lookup(7n), 2);
  t.is(placement.report().work[0]!.device, "software-match-action");
  t.is(work.operations.hits(7n, 32), 2);
  t.deepEqual(device.offers(), []);
});

/** match_action and its twin. */
import test, { type ExecutionContext } from "ava";
import { MatchAction } from "../../models/match_action.ts";
import { type MatchActionEntry, MatchActionTwin } from "../../src/twins/match-action.ts";
import { rtlTest } from "../rtl-test.ts";
import { numbers } from "../topic-matcher/numbers.ts";

type Result = { slot: number; action: number } | undefined;
/** A key to look up, or a change of a slot. */
type Step = { key: bigint } | { slot: number; entry: MatchActionEntry | undefined };

async function open(t: ExecutionContext): Promise<MatchAction> {
  const model = await MatchAction.open();
  t.teardown(() => model.close());
  model.reset(2);
  return model;
}

/** Carries the steps in their order; keys and changes are offered as early as can be. */
function carry(
  model: MatchAction,
  steps: readonly Step[],
  pause = () => false,
  stall = () => false,
): { results: Result[]; cycles: number; first: number } {
  const keys = steps.filter((step) => "key" in step).length;
  const results: Result[] = [];
  const start = model.cycle;
  let first = 0;
  for (let at = 0; at < steps.length || results.length < keys; ) {
    const step = pause() ? undefined : steps[at];
    const key = step && "key" in step ? step : undefined;
    const change = step && "slot" in step ? step : undefined;
    model.s_valid = key ? 1 : 0;
    if (key) model.s_data = key.key;
    model.c_valid = change ? 1 : 0;
    if (change) {
      model.c_slot = change.slot;
      model.c_install = change.entry ? 1 : 0;
      model.c_key = change.entry?.key ?? 0n;
      model.c_prefix = change.entry?.prefix ?? 0;
      model.c_action = change.entry?.action ?? 0;
    }
    model.m_ready = stall() ? 0 : 1;
    model.settle();
    if ((key && model.s_ready) || (change && model.c_ready)) at++;
    if (model.m_valid && model.m_ready) {
      first ||= model.cycle - start;
      results.push(model.m_hit ? { slot: model.m_slot, action: model.m_action } : undefined);
    }
    model.step();
  }
  return { results, cycles: model.cycle - start, first };
}

function byTwin(twin: MatchActionTwin, steps: readonly Step[]): Result[] {
  return steps.flatMap((step) => {
    if ("key" in step) return [twin.lookup(step.key)];
    if (step.entry) twin.install(step.slot, step.entry);
    else twin.remove(step.slot);
    return [];
  });
}

function count(model: MatchAction, slot: number): number {
  model.q_slot = slot;
  model.step();
  return model.q_count;
}

/** Keys that share prefixes of any length with each other. */
function near(random: (below: number) => number, base: bigint): bigint {
  const same = BigInt(random(65));
  const other = (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
  return same === 64n ? base : ((base >> (64n - same)) << (64n - same)) | (other & ((1n << (64n - same)) - 1n));
}

const host = 0x0a00_0001_0000_01bbn; // 10.0.0.1, port 443
const table: readonly (readonly [slot: number, entry: MatchActionEntry])[] = [
  [3, { key: 0n, prefix: 0, action: 1 }],
  [2, { key: host, prefix: 8, action: 2 }],
  [40, { key: host, prefix: 32, action: 3 }],
  [63, { key: host, prefix: 64, action: 4 }],
  [0, { key: 0xffff_ffff_ffff_ffffn, prefix: 64, action: 0xffff }],
  [50, { key: host, prefix: 32, action: 5 }],
];
const lookups: readonly (readonly [key: bigint, found: Result, why: string])[] = [
  [host, { slot: 63, action: 4 }, "an exact match is the longest"],
  [host + 1n, { slot: 40, action: 3 }, "of equal prefixes the lowest slot"],
  [0x0a00_0002_0000_0000n, { slot: 2, action: 2 }, "a prefix of 8"],
  [0x0b00_0001_0000_01bbn, { slot: 3, action: 1 }, "a prefix of 0 matches all"],
  [0xffff_ffff_ffff_ffffn, { slot: 0, action: 0xffff }, "all ones"],
  [0xffff_ffff_ffff_fffen, { slot: 3, action: 1 }, "all but one bit"],
];
const installs: readonly Step[] = table.map(([slot, entry]) => ({ slot, entry }));

test("MatchActionTwin takes the longest prefix, then the lowest slot", (t) => {
  const twin = new MatchActionTwin(64, 64);
  for (const [slot, entry] of table) twin.install(slot, entry);
  for (const [key, found, why] of lookups) t.deepEqual(twin.lookup(key), found, why);
  t.is(twin.count(3), 2);
  t.is(twin.count(1), undefined);
  t.throws(() => twin.install(64, table[0]![1]), { code: "ERR_RTL_SLOT", message: "there is no slot 64 in a table of 64" });
});

rtlTest("match_action takes the longest prefix, then the lowest slot, and counts hits", { needs: ["models"] }, async (t) => {
  const model = await open(t);
  t.deepEqual(carry(model, [{ key: host }]).results, [undefined], "an empty table");
  const { results } = carry(model, [...installs, ...lookups.map(([key]) => ({ key }))]);
  for (const [at, [, found, why]] of lookups.entries()) t.deepEqual(results[at], found, why);
  t.deepEqual(
    [3, 2, 40, 63, 0, 50].map((slot) => count(model, slot)),
    [2, 1, 1, 1, 1, 0],
  );
  carry(model, [{ slot: 3, entry: table[0]![1] }]);
  t.is(count(model, 3), 0, "an installation begins at 0");
});

rtlTest("match_action takes a key a cycle and answers 2 cycles after", { needs: ["models"] }, async (t) => {
  const model = await open(t);
  carry(model, installs);
  const { results, cycles, first } = carry(
    model,
    Array.from({ length: 1000 }, () => ({ key: host })),
  );
  t.is(results.length, 1000);
  t.deepEqual([first, cycles], [2, 1002]);
  t.is(count(model, 63), 1000);
});

rtlTest(
  "match_action agrees with its twin on 6000 keys between 800 changes, under pauses and back-pressure",
  { needs: ["models"] },
  async (t) => {
    const model = await open(t);
    const twin = new MatchActionTwin(64, 64);
    const random = numbers(1);
    const base = 0x1234_5678_9abc_def0n;
    for (const [pause, stall, changes] of [
      [0, 0, 10],
      [0, 0, 50],
      [30, 0, 10],
      [0, 60, 10],
      [50, 50, 20],
    ] as const) {
      const steps = Array.from({ length: 1500 }, (): Step => {
        if (random(100) >= changes) return { key: near(random, base) };
        const slot = random(64);
        return {
          slot,
          entry: random(5) ? { key: near(random, base), prefix: random(3) ? random(65) : 64, action: random(65536) } : undefined,
        };
      });
      t.deepEqual(
        carry(
          model,
          steps,
          () => random(100) < pause,
          () => random(100) < stall,
        ).results,
        byTwin(twin, steps),
      );
      for (let slot = 0; slot < 64; slot++) {
        const hits = twin.count(slot);
        if (hits !== undefined) t.is(count(model, slot), hits, `hits of ${slot}`);
      }
    }
  },
);

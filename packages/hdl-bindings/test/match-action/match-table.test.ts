/** match_table and the twins of its two halves. */
import type { ExecutionContext } from "ava";
import { MatchTable } from "../../models/match_table.ts";
import { ExactMatchTwin } from "../../src/twins/exact-match.ts";
import { type MatchActionEntry, MatchActionTwin } from "../../src/twins/match-action.ts";
import { rtlTest } from "../rtl-test.ts";
import { numbers } from "../topic-matcher/numbers.ts";

const seed = 0x5_1234_89ab_cdef_0246_8ace_1357_9bdf_fedc_ba98_7654n;
/** A key, a change of an exact entry, or of a prefix. */
type Step =
  | { readonly key: bigint }
  | { readonly op: 1 | 2; readonly way: number; readonly of: bigint; readonly action: number }
  | { readonly slot: number; readonly entry: MatchActionEntry | undefined };
type Found = { readonly exact: boolean; readonly action: number } | undefined;

async function open(t: ExecutionContext): Promise<MatchTable> {
  const model = await MatchTable.open({ randomSeed: 3 });
  t.teardown(() => model.close());
  model.seed = seed;
  model.reset(2);
  model.step(4096);
  return model;
}

function carry(
  model: MatchTable,
  steps: readonly Step[],
  pause = () => false,
  stall = () => false,
): { found: Found[]; cycles: number; first: number } {
  const keys = steps.filter((step) => "key" in step).length;
  const found: Found[] = [];
  const start = model.cycle;
  let first = 0;
  for (let at = 0; at < steps.length || found.length < keys; ) {
    if (model.cycle - start > steps.length * 100 + 1000) throw new Error(`stuck at step ${at} of ${steps.length}`);
    const step = pause() ? undefined : steps[at];
    model.s_valid = step && "key" in step ? 1 : 0;
    model.e_valid = step && "op" in step ? 1 : 0;
    model.c_valid = step && "slot" in step ? 1 : 0;
    if (step && "key" in step) model.s_data = step.key;
    else if (step && "op" in step) Object.assign(model, { e_op: step.op, e_way: step.way, e_key: step.of, e_action: step.action });
    else if (step)
      Object.assign(model, {
        c_slot: step.slot,
        c_install: step.entry ? 1 : 0,
        c_key: step.entry?.key ?? 0n,
        c_prefix: step.entry?.prefix ?? 0,
        c_action: step.entry?.action ?? 0,
      });
    model.m_ready = stall() ? 0 : 1;
    model.settle();
    if ((model.s_valid && model.s_ready) || (model.e_valid && model.e_ready) || (model.c_valid && model.c_ready)) at++;
    if (model.m_valid && model.m_ready) {
      first ||= model.cycle - start;
      found.push(model.m_hit ? { exact: model.m_exact === 1, action: model.m_action } : undefined);
    }
    model.step();
  }
  return { found, cycles: model.cycle - start, first };
}

rtlTest("match_table takes a key a cycle and answers 5 cycles after", { needs: ["models"] }, async (t) => {
  const model = await open(t);
  const { found, cycles, first } = carry(model, [
    { op: 1, way: 0, of: 5n, action: 1 },
    { slot: 9, entry: { key: 0n, prefix: 100, action: 2 } },
    ...Array.from({ length: 1000 }, (_, at): Step => ({ key: at % 2 ? 5n : 6n })),
  ]);
  t.is(found.length, 1000);
  t.deepEqual(found.slice(0, 2), [
    { exact: false, action: 2 },
    { exact: true, action: 1 },
  ]);
  // The first change takes 3 cycles, in which the second one is taken; 1000 keys follow, the last of them 5 cycles on its way.
  t.true(first <= 10 && cycles === first + 1000, `${first} and ${cycles} cycles`);
});

rtlTest(
  "match_table agrees with its twins on 4000 steps, under pauses and back-pressure, and counts what decided",
  { needs: ["models"] },
  async (t) => {
    const model = await open(t);
    const exact = new ExactMatchTwin({ rows: 4096, ways: 4, keyBits: 128 }, seed);
    const prefixes = new MatchActionTwin(64, 128);
    const random = numbers(6);
    const pool = Array.from({ length: 12 }, () => (BigInt(random(3)) << 126n) | BigInt(random(4)));
    const pick = (): bigint => pool[random(pool.length)]!;
    for (const [pause, stall, changes] of [
      [0, 0, 10],
      [0, 0, 60],
      [30, 0, 20],
      [20, 60, 20],
    ] as const) {
      const steps = Array.from({ length: 1000 }, (): Step => {
        if (random(100) >= changes) return { key: pick() };
        if (random(2)) return { op: random(3) ? 1 : 2, way: random(4), of: pick(), action: random(65536) };
        return {
          slot: random(6),
          entry: random(4) ? { key: pick(), prefix: [0, 2, 126, 127, 128][random(5)]!, action: random(65536) } : undefined,
        };
      });
      const expected = steps.flatMap((step): Found[] => {
        if ("op" in step) {
          if (step.op === 1) exact.install(step.way, step.of, step.action);
          else exact.remove(step.way, step.of);
        } else if ("slot" in step) {
          if (step.entry) prefixes.install(step.slot, step.entry);
          else prefixes.remove(step.slot);
        } else {
          const whole = exact.lookup(step.key);
          if (whole) return [{ exact: true, action: whole.action }];
          const prefix = prefixes.lookup(step.key);
          return [prefix && { exact: false, action: prefix.action }];
        }
        return [];
      });
      const { found } = carry(
        model,
        steps,
        () => random(100) < pause,
        () => random(100) < stall,
      );
      t.deepEqual(found, expected);
      for (let slot = 0; slot < 6; slot++) {
        model.q_slot = slot;
        model.step();
        const hits = prefixes.count(slot);
        if (hits !== undefined) t.is(model.q_count, hits, `hits of prefix ${slot}`);
      }
    }
  },
);

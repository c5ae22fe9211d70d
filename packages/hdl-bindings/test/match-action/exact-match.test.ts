/** exact_match and its twin. */
import test, { type ExecutionContext } from "ava";
import { ExactMatch } from "../../models/exact_match.ts";
import { ExactMatchTwin } from "../../src/twins/exact-match.ts";
import { rtlTest } from "../rtl-test.ts";
import { numbers } from "../topic-matcher/numbers.ts";
import { collidingDifferences } from "./colliding-keys.ts";

const shape = { rows: 4096, ways: 4, keyBits: 128 };
const ops = { look: 0, install: 1, remove: 2, clear: 3 } as const;
/** A key to look up, or a change. */
type Step =
  | { readonly key: bigint }
  | { readonly op: keyof typeof ops; readonly way: number; readonly of: bigint; readonly action: number };
type Answer = { readonly way: number; readonly action: number } | { readonly bad: boolean; readonly count: number } | undefined;

function wide(random: (below: number) => number, bits: number): bigint {
  let value = 0n;
  for (let at = 0; at < bits; at += 32) value = (value << 32n) | BigInt(random(2 ** 32));
  return BigInt.asUintN(bits, value);
}

const seed = wide(numbers(12), 175);

async function open(t: ExecutionContext, by = seed): Promise<ExactMatch> {
  const model = await ExactMatch.open({ randomSeed: 5 }); // memory holds anything at first
  t.teardown(() => model.close());
  model.seed = by;
  model.reset(2);
  return model;
}

/** Carries the steps, offered as early as can be: what keys found, what changes were answered, and after how many cycles keys came out. */
function carry(
  model: ExactMatch,
  steps: readonly Step[],
  pause = () => false,
  stall = () => false,
): { found: Answer[]; answers: Answer[]; cycles: number; latencies: Set<number> } {
  const [keys, taken]: [bigint[], number[]] = [[], []];
  const [found, answers]: [Answer[], Answer[]] = [[], []];
  const latencies = new Set<number>();
  const start = model.cycle;
  for (let at = 0; at < steps.length || found.length + answers.length < steps.length; ) {
    if (model.cycle - start > steps.length * 100 + 20_000) throw new Error(`stuck at step ${at} of ${steps.length}`);
    const step = pause() ? undefined : steps[at];
    const key = step && "key" in step ? step : undefined;
    const change = step && "op" in step ? step : undefined;
    model.s_valid = key ? 1 : 0;
    if (key) model.s_data = key.key;
    model.c_valid = change ? 1 : 0;
    if (change) {
      model.c_op = ops[change.op];
      model.c_way = change.way;
      model.c_key = change.of;
      model.c_action = change.action;
    }
    model.m_ready = stall() ? 0 : 1;
    model.settle();
    if ((key && model.s_ready) || (change && model.c_ready)) at++;
    if (key && model.s_ready) {
      keys.push(key.key);
      taken.push(model.cycle);
    }
    if (model.m_valid && model.m_ready) {
      const words = model.m_data;
      const data = [...words].reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n);
      if (data !== keys[found.length]) throw new Error(`key ${found.length} came out as ${data}`);
      latencies.add(model.cycle - taken[found.length]!);
      found.push(model.m_hit ? { way: model.m_way, action: model.m_action } : undefined);
    }
    if (model.d_valid) answers.push({ bad: model.d_bad === 1, count: model.d_count });
    model.step();
  }
  return { found, answers, cycles: model.cycle - start, latencies };
}

function byTwin(twin: ExactMatchTwin, steps: readonly Step[]): { found: Answer[]; answers: Answer[] } {
  const [found, answers]: [Answer[], Answer[]] = [[], []];
  for (const step of steps) {
    if ("key" in step) found.push(twin.lookup(step.key));
    else if (step.op === "install") answers.push(twin.install(step.way, step.of, step.action));
    else if (step.op === "clear") {
      twin.clear();
      answers.push({ bad: false, count: 0 });
    } else answers.push(twin[step.op](step.way, step.of));
  }
  return { found, answers };
}

rtlTest(
  "exact_match takes a key a cycle and answers 3 cycles after, whether it is there or not, with 12 000 entries too",
  { needs: ["models"] },
  async (t) => {
    const model = await open(t);
    const random = numbers(2);
    const here: bigint[] = [];
    for (let at = 0; at < 12_000; at++) {
      const key = wide(random, 128);
      const [answer] = carry(model, [{ op: "install", way: at % 4, of: key, action: at }]).answers;
      if (!(answer as { bad: boolean }).bad) here.push(key);
    }
    t.true(here.length > 7000, `${here.length} had an empty row`); // 4 × 4096 × (1 - 1/e^0.73) = 8500
    const steps = Array.from({ length: 3000 }, (_, at): Step => ({ key: at % 2 ? here[random(here.length)]! : wide(random, 128) }));
    const { found, cycles, latencies } = carry(model, steps);
    t.deepEqual([...latencies], [3]);
    t.is(cycles, 3003);
    t.is(found.filter((one) => one !== undefined).length, 1500);
  },
);

rtlTest("exact_match refuses a key whose row has another one, and takes it when the host moved that", { needs: ["models"] }, async (t) => {
  const model = await open(t);
  const [one, other] = collidingDifferences(seed, 128, 48);
  const twin = new ExactMatchTwin(shape, seed);
  const base = 77n;
  const [a, b, c] = [base, base ^ one!, base ^ other!];
  t.deepEqual(twin.rowsOf(a), twin.rowsOf(b));
  const install = (way: number, of: bigint, action: number): Step => ({ op: "install", way, of, action });
  const { found, answers } = carry(model, [
    install(0, a, 1),
    install(0, b, 2), // full
    { key: a },
    { key: b },
    install(1, a, 3), // moves a: it is there twice for a moment, with the action of the lower way
    { key: a },
    { op: "remove", way: 0, of: a, action: 0 },
    { key: a },
    install(0, b, 2),
    { key: b },
    { key: c },
    { op: "remove", way: 0, of: c, action: 0 },
    { op: "look", way: 1, of: a, action: 0 },
    { op: "clear", way: 0, of: 0n, action: 0 },
    { key: a },
    { op: "look", way: 1, of: a, action: 0 },
  ]);
  t.deepEqual(found, [
    { way: 0, action: 1 },
    undefined,
    { way: 0, action: 1 },
    { way: 1, action: 3 },
    { way: 0, action: 2 },
    undefined,
    undefined,
  ]);
  t.deepEqual(answers, [
    { bad: false, count: 0 },
    { bad: true, count: 0 },
    { bad: false, count: 0 },
    { bad: false, count: 2 },
    { bad: false, count: 0 },
    { bad: true, count: 0 },
    { bad: false, count: 1 },
    { bad: false, count: 0 },
    { bad: true, count: 0 },
  ]);
});

for (const [name, by, keys] of [
  ["random keys", seed, (random: (below: number) => number) => Array.from({ length: 60 }, () => wide(random, 128))],
  [
    "keys that share all their rows",
    seed,
    (random: (below: number) => number) => {
      const differences = collidingDifferences(seed, 128, 48).slice(0, 5);
      return Array.from({ length: 64 }, (_, at) =>
        differences.reduce((key, one, bit) => (at & (1 << bit) ? key ^ one : key), BigInt(random(2))),
      );
    },
  ],
  ["a seed by which all keys share a row", 0n, (random: (below: number) => number) => Array.from({ length: 12 }, () => wide(random, 128))],
  [
    "a seed of few ones, and keys of one bit",
    (1n << 130n) | (1n << 7n) | 1n,
    () => Array.from({ length: 128 }, (_, bit) => 1n << BigInt(bit)),
  ],
] as const)
  rtlTest(`exact_match agrees with its twin on 1500 steps, under pauses and back-pressure: ${name}`, { needs: ["models"] }, async (t) => {
    const model = await open(t, by);
    const twin = new ExactMatchTwin(shape, by);
    const random = numbers(3);
    const pool = keys(random);
    const pick = (): bigint => pool[random(pool.length)]!;
    for (const [pause, stall, changes] of [
      [0, 0, 40],
      [0, 0, 5],
      [30, 60, 30],
    ] as const) {
      let last = pick();
      const steps = Array.from({ length: 500 }, (_, at): Step => {
        if (at === 400 && changes === 30) return { op: "clear", way: 0, of: 0n, action: 0 };
        if (random(100) < changes) {
          const op = (["install", "install", "remove", "look"] as const)[random(4)]!;
          return { op, way: random(4), of: pick(), action: random(65536) };
        }
        if (random(2)) last = pick(); // the same key twice in a row: its hits are counted one cycle after the other
        return { key: last };
      });
      const { found, answers } = carry(
        model,
        steps,
        () => random(100) < pause,
        () => random(100) < stall,
      );
      t.deepEqual({ found, answers }, byTwin(twin, steps));
    }
  });

test("ExactMatchTwin names a way that there is not", (t) => {
  t.throws(() => new ExactMatchTwin(shape, seed).look(4, 1n), { code: "ERR_RTL_WAY", message: "there is no way 4 in a table of 4" });
});

/** Scores in the kernel: what a real connect() gets in a given state, how replicas are sampled, and what is left of a writer that is gone. @module */
import { rmSync } from "node:fs";
import type { MitsuError } from "@mitsu/cli/error";
import { BpfMap, makePinFolder } from "@mitsu/ebpf-ts";
import { kernelTest } from "@mitsu/ebpf-ts/kernel-test";
import { clockMs } from "@mitsu/replica-table";
import { type Candidate, costOf, kernelCost, scoreOf, scoreScale } from "@mitsu/selector";
import fc from "fast-check";
import { ScoreMap } from "../../src/kernel/score-map.ts";
import { SockhijackFeed } from "../../src/kernel/sockhijack-feed.ts";
import { answering, type ChoiceCandidate, KernelChoice } from "./kernel-choice.ts";

const options = { remoteCostMs: 0.1, staleMs: 150, failurePenalty: 10 };

type State = Partial<Omit<Candidate, "reportedAtMs">> & { readonly ageMs?: number; readonly takesNone?: boolean };

function candidatesOf(states: readonly State[], nowMs: number): ChoiceCandidate[] {
  return states.map(({ ageMs = 1, takesNone = false, ...told }, index) => ({
    takesNone,
    candidate: {
      key: `127.0.0.1:${index}`,
      weight: 1,
      here: true,
      inFlight: 0,
      reportedInFlight: 0,
      reportedServiceMs: 5,
      workers: 1,
      reportedAtMs: nowMs - ageMs,
      sentSince: told.inFlight ?? 0,
      latencyMs: 0,
      ramp: 1,
      failures: 0,
      ...told,
    },
  }));
}

const table: readonly (readonly [what: string, best: number, states: readonly State[]])[] = [
  ["the fewest in flight", 1, [{ reportedInFlight: 3 }, { reportedInFlight: 1 }, { reportedInFlight: 2 }]],
  [
    "the fastest, though it has more",
    2,
    [{ reportedServiceMs: 30 }, { reportedServiceMs: 20, reportedInFlight: 1 }, { reportedInFlight: 1 }],
  ],
  ["the most workers", 0, [{ reportedInFlight: 4, workers: 8 }, { reportedInFlight: 2 }, { reportedInFlight: 3 }]],
  ["here, of two that are alike", 1, [{ here: false }, {}, { reportedInFlight: 1 }]],
  ["not the one that drains", 2, [{ takesNone: true }, { reportedInFlight: 9 }, { reportedInFlight: 7 }]],
  ["not the one that fails", 0, [{ reportedInFlight: 3 }, { failures: 1 }, { reportedInFlight: 5 }]],
  ["not the one that has just come", 1, [{ ramp: 0.1, reportedInFlight: 1 }, { reportedInFlight: 2 }, { reportedInFlight: 4 }]],
  ["the one without own connections", 2, [{ inFlight: 2 }, { inFlight: 3 }, { reportedInFlight: 1 }]],
  ["the heavier", 1, [{ reportedInFlight: 2 }, { reportedInFlight: 2, weight: 3 }, { reportedInFlight: 3 }]],
];

const anyState: fc.Arbitrary<State> = fc.record({
  here: fc.boolean(),
  inFlight: fc.nat(20),
  reportedInFlight: fc.nat(40),
  reportedServiceMs: fc.integer({ min: 1, max: 50 }),
  workers: fc.integer({ min: 1, max: 4 }),
  weight: fc.integer({ min: 1, max: 4 }),
  ageMs: fc.nat(200),
  takesNone: fc.integer({ min: 0, max: 4 }).map((drawn) => drawn === 0),
});

kernelTest(
  "connect() gets the replica of the least costOf() when all are compared, in every state of the table and in 40 others",
  async (t) => {
    const kernel = await KernelChoice.open(t, 3);
    for (const [what, best, states] of table) {
      const nowMs = clockMs();
      t.is(await kernel.choose(candidatesOf(states, nowMs), { clients: 1, options, nowMs }), best, what);
    }
    let compared = 0;
    for (const states of fc.sample(fc.array(anyState, { minLength: 3, maxLength: 3 }), { seed: 1, numRuns: 40 })) {
      const nowMs = clockMs();
      const candidates = candidatesOf(states, nowMs);
      const takers = candidates.filter(({ takesNone }) => !takesNone).map(({ candidate }) => candidate);
      const scale = scoreScale(takers, nowMs, 4, options);
      const costs = candidates.map(({ candidate, takesNone }) => (takesNone ? Number.POSITIVE_INFINITY : costOf(candidate, scale)));
      const [least, next] = costs.toSorted((a, b) => a - b) as [number, number];
      if (!(next - least > 12 / scale.perMs)) continue; // rounding: half a unit of the score, and of each of 20 connections
      compared++;
      t.is(await kernel.choose(candidates, { clients: 4, options, nowMs }), costs.indexOf(least), JSON.stringify(states));
    }
    t.true(compared >= 30, `${compared} states`);

    // What the kernel counts after the scores were written counts at once.
    const nowMs = clockMs();
    const candidates = candidatesOf([{ ageMs: 0 }, { ageMs: 0, reportedInFlight: 2 }, { ageMs: 0, reportedInFlight: 4 }], nowMs);
    kernel.write(candidates, { clients: 1, options, nowMs });
    kernel.load([3, 0, 0]);
    const scale = scoreScale(
      candidates.map(({ candidate }) => candidate),
      nowMs,
      1,
      options,
    );
    t.deepEqual(
      candidates.map(({ candidate }, index) => kernelCost(scoreOf(candidate, scale), index === 0 ? 3 : 0)),
      [3072, 2048, 4096],
    );
    t.deepEqual(await kernel.connect(1), [1]);
    t.is(kernel.map.active(kernel.replicas[0]!.id), 3);
    t.is(kernel.map.total(kernel.replicas[1]!.id), 1);

    // Expired, or taken back: the kernel's own counts, of two.
    for (const index of [0, 1, 2]) kernel.map.write(kernel.replicas[index]!.id, { score: index * 9999, each: 0 }, clockMs() - 50); // the kernel's coarse clock is up to 10 ms behind
    kernel.load([7, 7, 0]);
    kernel.map.choices(kernel.frontend, 3, clockMs() + 3000);
    t.deepEqual(await kernel.connect(5), [2, 2, 2, 2, 2]);
    for (const index of [0, 1, 2]) {
      const { id } = kernel.replicas[index]!;
      kernel.map.write(id, { score: 1 + index * 9999, each: 0 }, clockMs() + 3000);
      if (index === 0) t.deepEqual(await kernel.connect(1), [2], "entries that hold and others are compared");
    }
    t.deepEqual(await kernel.connect(5), [0, 0, 0, 0, 0]);
    for (const { id } of kernel.replicas) kernel.map.forget(id);
    t.deepEqual(await kernel.connect(2), [2, 2]);
    t.false(kernel.map.replaced());
  },
);

/** Σ (seen − expected)² ÷ expected. */
function chiSquare(seen: readonly number[], shares: readonly number[]): number {
  const all = seen.reduce((sum, one) => sum + one, 0);
  return shares.reduce((sum, share, index) => sum + ((seen[index] ?? 0) - all * share) ** 2 / (all * share), 0);
}

function choose(n: number, k: number): number {
  let ways = 1;
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i;
  return ways;
}

kernelTest("connect() compares d of 20 replicas, every set of d as likely as another; and all but 0xffffffff, whatever d", async (t) => {
  const n = 20;
  const kernel = await KernelChoice.open(t, n);
  // The cheapest of the sample wins, so who wins tells how low the sample reached.
  const seen = async (d: number, connects: number): Promise<number[]> => {
    const untilMs = clockMs() + 4000;
    for (const [index, { id }] of kernel.replicas.entries()) kernel.map.write(id, { score: index, each: 0 }, untilMs);
    kernel.map.choices(kernel.frontend, d, untilMs);
    const counts = new Array<number>(n).fill(0);
    for (const index of await kernel.connect(connects)) counts[index]!++;
    return counts;
  };
  // 19 degrees of freedom: above 63 by chance once in a million.
  for (const [d, connects] of [
    [1, 400],
    [2, 300],
    [5, 300],
  ] as const) {
    const lowest = Array.from({ length: n }, (_, index) => choose(n - 1 - index, d - 1) / choose(n, d)).filter((share) => share > 0);
    const counts = await seen(d, connects);
    // Rare ones together: the sum of squares wants five of each.
    const frequent = lowest.filter((share) => share * connects >= 5).length;
    const grouped = (all: readonly number[]) => [
      ...all.slice(0, frequent),
      ...(frequent < n ? [all.slice(frequent).reduce((a, b) => a + b, 0)] : []),
    ];
    const value = chiSquare(grouped(counts), grouped(lowest));
    t.true(value < 63, `d = ${d}: ${value} of ${counts.join()}`);
  }
  const untilMs = clockMs() + 4000;
  for (const [index, { id }] of kernel.replicas.entries())
    kernel.map.write(id, { score: index === 13 ? 5 : 0xffff_ffff, each: 1 }, untilMs);
  kernel.map.choices(kernel.frontend, 2, untilMs);
  t.true((await kernel.connect(30)).every((index) => index === 13));
});

kernelTest("a writer that is killed leaves the power of two choices within a second", async (t) => {
  const kernel = await KernelChoice.open(t, 2);
  const keeper = new URL("score-keeper.ts", import.meta.url).pathname;
  const writer = kernel.sandbox.spawn([
    process.execPath,
    keeper,
    kernel.sandbox.places.pins,
    ...kernel.replicas.map(({ id }) => String(id)),
  ]);
  await writer.says(/writing/);
  t.true((await kernel.connect(30)).every((index) => index === 0));
  await writer.stop("SIGKILL");
  const killedMs = clockMs();
  let connects = 0;
  while (!(await kernel.connect(4)).includes(1)) connects++;
  const tookMs = clockMs() - killedMs;
  t.true(tookMs < 3000, `${tookMs} ms`); // one second, and what a busy machine takes to connect
  t.log(`${Math.round(tookMs)} ms, ${connects * 4} connects`);
});

kernelTest(
  "SockhijackFeed tells of a replica that takes another's number; nothing of that one's score and load is left; it comes back after a restart",
  async (t) => {
    const kernel = await KernelChoice.open(t, 2);
    const [first, second] = kernel.replicas;
    const events: (() => void)[] = [];
    using feed = new SockhijackFeed({ socket: kernel.sandbox.socket, onChange: () => events.shift()?.(), retryMs: 20 });
    const changed = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise<void>((resolve) => events.push(resolve));
    };
    await changed(() => feed.replicas.length === 2);
    t.deepEqual(feed.source(), { name: "sockhijack", path: kernel.sandbox.socket, state: "up", why: null });
    t.deepEqual(feed.degraded(), []);
    t.is(feed.pins, kernel.sandbox.places.pins);
    t.like(
      feed.replicas.find(({ id }) => id === second!.id),
      { service: "web", port: 80, protocol: "tcp", address: "127.0.0.1", weight: 1, up: true, here: true },
    );

    kernel.map.write(second!.id, { score: 0xffff_ffff, each: 7 }, clockMs() + 4000);
    kernel.load([0, 1000]);
    const third = await answering(t, "third");
    kernel.reload([first!.target, third]);
    await changed(() => feed.replicas.some(({ target }) => target === third));
    t.is(feed.replicas.find(({ target }) => target === third)!.id, second!.id, "the number is given again");
    t.is(kernel.map.active(second!.id), 0);
    kernel.load([1, 0]);
    const answers = await kernel.connect(3);
    t.true(answers.every(Number.isNaN), `${answers}: the idle one, as its score is none`);

    await kernel.stop();
    await changed(() => feed.source().state === "away");
    t.regex(feed.degraded()[0]!, /^sockhijack is away/);
    t.is(feed.replicas.length, 2, "those it last knew");
    await kernel.start();
    await changed(() => feed.source().state === "up");
    t.false(kernel.map.replaced(), "the maps outlive the daemon");
  },
);

kernelTest("ScoreMap.open() says when nothing is pinned there, and when another version is", (t) => {
  const pins = `/sys/fs/bpf/mitsu-score-${process.pid}`;
  const missing = t.throws<MitsuError>(() => ScoreMap.open(pins), { code: "ERR_SCORE_MAP" });
  t.regex(missing.message, /^cannot open sockhijack's maps in \/sys\/fs\/bpf\/mitsu-score-/);
  t.regex(missing.hint!, /^start sockhijack/);
  makePinFolder(pins);
  t.teardown(() => rmSync(pins, { recursive: true, force: true }));
  const make = (name: string, valueSize: number): void => {
    using map = BpfMap.create({ type: "array", name, keySize: 4, valueSize, maxEntries: 8, flags: 1024 });
    map.pin(`${pins}/map_${name}`);
  };
  make("scores", 16);
  make("choices", 8);
  make("loads", 8);
  t.regex(t.throws<MitsuError>(() => ScoreMap.open(pins), { code: "ERR_SCORE_MAP" }).hint!, /^restart sockhijack/);
  rmSync(`${pins}/map_loads`);
  make("loads", 16);
  using map = ScoreMap.open(pins);
  t.is(map.replicas, 8);
  t.throws(() => map.write(8, { score: 0, each: 0 }, 0), { instanceOf: RangeError });
  t.throws(() => map.choices(-1, 2, 0), { instanceOf: RangeError });
  t.throws(() => map.active(0.5), { instanceOf: RangeError });
  // 2^32 units of 2^20 ns: the clock wraps, and 0 means never.
  map.write(1, { score: 5, each: 6 }, 2 ** 52 / 1e6);
  map.write(2, { score: 5, each: 6 }, (2 ** 52 + 3 * 2 ** 20) / 1e6);
  map.write(3, { score: 5, each: 6 }, Number.NaN);
  using raw = BpfMap.open(`${pins}/map_scores`);
  const entry = (id: number) => [...new Uint32Array(raw.get(new Uint8Array(new Uint32Array([id]).buffer))!.buffer)];
  t.deepEqual(
    [entry(1), entry(2), entry(3)],
    [
      [0, 5, 6, 1],
      [0, 5, 6, 3],
      [0, 5, 6, 1],
    ],
  );
  map.forget(1);
  t.deepEqual(entry(1), [0, 0, 0, 0]);
  t.false(map.replaced());
  rmSync(`${pins}/map_scores`);
  t.true(map.replaced());
});

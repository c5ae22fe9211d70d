import test from "ava";
import fc from "fast-check";
import { Hysteresis, type HysteresisOptions, type Verdict } from "../../src/watch/hysteresis.ts";

const options: HysteresisOptions = { threshold: 0.1, holdMs: 60_000, gapMs: 30_000 };
const stepMs = 5000;

/** Gains of the best plan and, from when there is one, of the proposal, at one look. */
interface Gains {
  readonly plan: number | null;
  readonly proposal: number;
}

/** Feeds gains to a hysteresis, a look every 5 s, and keeps the proposal as its verdicts say. @returns The changes with their times. */
function changes(gains: Iterable<Gains>, over: Partial<HysteresisOptions> = {}): { readonly atMs: number; readonly verdict: Verdict }[] {
  const hysteresis = new Hysteresis({ ...options, ...over });
  const made: { atMs: number; verdict: Verdict }[] = [];
  let stands = false;
  let atMs = 0;
  for (const { plan, proposal } of gains) {
    atMs += stepMs;
    const verdict = hysteresis.look(atMs, { plan, proposal: stands ? proposal : null });
    if (verdict === "nothing") continue;
    stands = verdict !== "withdraw";
    made.push({ atMs, verdict });
  }
  return made;
}

const steady = (plan: number | null, times: number, proposal: number = plan ?? 0): Gains[] =>
  Array.from({ length: times }, () => ({ plan, proposal }));
const verdicts = (gains: Iterable<Gains>): Verdict[] => changes(gains).map(({ verdict }) => verdict);

test("look() proposes what has gained the threshold for as long as it must hold, and not a look earlier", (t) => {
  t.deepEqual(changes(steady(0.1, 100)), [{ atMs: stepMs + 60_000, verdict: "propose" }]);
  t.deepEqual(verdicts(steady(0.0999, 1000)), []);
  t.deepEqual(verdicts(steady(null, 1000)), []);
  t.deepEqual(changes(steady(0.5, 3), { holdMs: 0 }), [{ atMs: stepMs, verdict: "propose" }]);
});

test("look() begins anew when the gain falls below the threshold once", (t) => {
  t.deepEqual(verdicts([...steady(0.2, 12), ...steady(0.09, 1), ...steady(0.2, 12)]), []);
  t.deepEqual(verdicts([...steady(0.2, 12), ...steady(0.09, 1), ...steady(0.2, 13)]), ["propose"]);
});

test("look() withdraws a proposal that gains less than half the threshold for as long, and keeps one between", (t) => {
  t.deepEqual(verdicts([...steady(0.2, 13), ...steady(0.05, 1000)]), ["propose"]);
  t.deepEqual(verdicts([...steady(0.2, 13), ...steady(0.0499, 12)]), ["propose"]);
  t.deepEqual(verdicts([...steady(0.2, 13), ...steady(0.0499, 13)]), ["propose", "withdraw"]);
  t.deepEqual(verdicts([...steady(0.2, 13), ...steady(-1, 12), ...steady(0.05, 1), ...steady(-1, 12)]), ["propose"]);
});

test("look() replaces a proposal only by a plan that is better by half the threshold for as long", (t) => {
  t.deepEqual(verdicts([...steady(0.2, 13), ...steady(0.249, 1000, 0.2)]), ["propose"]);
  t.deepEqual(verdicts([...steady(0.2, 13), ...steady(0.2501, 12, 0.2)]), ["propose"]);
  t.deepEqual(verdicts([...steady(0.2, 13), ...steady(0.2501, 13, 0.2)]), ["propose", "replace"]);
  // The proposal has lost its worth, but so has every other plan.
  t.deepEqual(verdicts([...steady(0.2, 13), ...steady(0.09, 13, 0.01)]), ["propose", "withdraw"]);
});

test("look() knows nothing of the time when nobody looked, and restart() forgets", (t) => {
  const hysteresis = new Hysteresis(options);
  const gain = { plan: 0.5, proposal: null };
  for (let atMs = 0; atMs < 60_000; atMs += stepMs) t.is(hysteresis.look(atMs, gain), "nothing");
  t.is(hysteresis.worthSinceMs, 0);
  t.is(hysteresis.look(55_000 + 30_001, gain), "nothing");
  t.is(hysteresis.worthSinceMs, 85_001);
  for (let atMs = 90_001; atMs < 145_001; atMs += stepMs) t.is(hysteresis.look(atMs, gain), "nothing");
  hysteresis.restart();
  t.is(hysteresis.look(145_001, gain), "nothing");
});

const gain = fc.double({ min: -1, max: 1, noNaN: true });
const anyGains = fc.array(fc.record({ plan: fc.option(gain, { nil: null }), proposal: gain }), { minLength: 1, maxLength: 400 });
/** Long stretches of whatever is worst: an adversary that knows the hold time and drives every condition to its edge. */
const adversary = fc
  .array(
    fc.tuple(
      fc.constantFrom(0.1, 0.0999, 0.2, 0.5, -0.1, 0.05, 0.0499, null),
      fc.constantFrom(0.2, 0.0499, 0.05, -0.1, 0.45),
      fc.constantFrom(1, 11, 12, 13, 14),
    ),
    { minLength: 1, maxLength: 60 },
  )
  .map((parts) => parts.flatMap(([plan, proposal, times]) => steady(plan, times, proposal)));

for (const [whose, arbitrary] of [
  ["any", anyGains],
  ["an adversary's", adversary],
] as const) {
  test(`two changes are never nearer than the hold time, whatever ${whose} gains do`, (t) => {
    let most = 0;
    const property = fc.property(arbitrary, (gains) => {
      const made = changes(gains);
      most = Math.max(most, made.length);
      for (const [index, { atMs }] of made.entries()) if (index > 0) t.true(atMs - made[index - 1]!.atMs > options.holdMs);
      t.true(made.length <= (gains.length * stepMs) / options.holdMs);
      // They take turns: nothing is replaced or withdrawn that was not proposed.
      let stands = false;
      for (const { verdict } of made) {
        t.is(verdict === "propose", !stands);
        stands = verdict !== "withdraw";
      }
    });
    fc.assert(property, { seed: 1, numRuns: 500 });
    if (whose !== "any") t.true(most >= 5, `the adversary makes it change ${most} times at most: too weak to test anything`);
  });
}

test("stationary noise below a quarter of the threshold makes one change at most, around any mean, over a day of looks", (t) => {
  const property = fc.property(
    fc.double({ min: -0.3, max: 0.6, noNaN: true }),
    fc.infiniteStream(fc.double({ min: -0.0249, max: 0.0249, noNaN: true })),
    (mean, noise) => {
      const gains = function* (): Generator<Gains> {
        for (let look = 0; look < 86_400 / 5; look++) yield { plan: mean + noise.next().value!, proposal: mean + noise.next().value! };
      };
      const made = changes(gains());
      t.true(made.length <= 1);
      if (mean < 0.075) t.is(made.length, 0);
      if (mean > 0.125) t.is(made.length, 1);
    },
  );
  fc.assert(property, { seed: 1, numRuns: 20 });
});

test("traffic that swings faster than the hold time, as far as it likes, proposes nothing; slower, one change a hold time at most", (t) => {
  for (let half = 1; half <= 12; half++) {
    const swing = Array.from({ length: 2000 }, (_, look) => steady(Math.floor(look / half) % 2 === 0 ? 1 : -1, 1)[0]!);
    t.deepEqual(verdicts(swing), [], `half a period of ${half} looks`);
  }
  const slow = Array.from({ length: 2000 }, (_, look) => steady(Math.floor(look / 13) % 2 === 0 ? 1 : -1, 1)[0]!);
  const made = changes(slow);
  t.true(made.length > 100 && made.length <= (2000 * stepMs) / options.holdMs);
});

import test from "ava";
import { ClockOffset } from "../../src/bus/clock-offset.ts";

/** The same numbers every time, 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Setting {
  readonly skewMs: number;
  readonly driftPpm?: number;
  /** One way, and back. */
  readonly there: (random: () => number) => number;
  readonly back: (random: () => number) => number;
}

/** Two nodes that each send every 10 ms and echo what they heard: our estimate of theirs. */
function exchange(
  { skewMs, driftPpm = 0, there, back }: Setting,
  seconds: number,
  seen: (error: number, bound: number, nowMs: number) => void,
): void {
  const random = randomOf(1);
  const clock = new ClockOffset();
  const theirs = (ms: number): number => ms * (1 + driftPpm / 1e6) + skewMs;
  for (let ms = 0; ms < seconds * 1000; ms += 10) {
    const arrived = ms + there(random);
    const answered = arrived + 3;
    const received = answered + back(random);
    clock.heard(theirs(answered), received);
    clock.echoed(ms, theirs(arrived), received);
    seen(clock.offsetMs(received) - (theirs(received) - received), clock.errorMs(received), received);
  }
}

const uniform =
  (least: number, most: number) =>
  (random: () => number): number =>
    least + (most - least) * random();
/** Half a millisecond, at times much more, as with a queue before it. */
const queued = (random: () => number): number => 0.3 + (random() < 0.7 ? 20 * random() : 0.2 * random());

for (const [name, setting] of Object.entries<Setting>({
  "equal clocks": { skewMs: 0, there: uniform(0.2, 2), back: uniform(0.2, 2) },
  "a skew of an hour": { skewMs: 3_600_000, there: uniform(0.2, 2), back: uniform(0.2, 2) },
  "a negative skew and queues": { skewMs: -500, there: queued, back: queued },
  "drift of 150 ppm": { skewMs: 7, driftPpm: 150, there: uniform(0.2, 2), back: uniform(0.2, 2) },
  "drift back and queues": { skewMs: 7, driftPpm: -150, there: queued, back: queued },
  "delays of 9 and 1": { skewMs: 40, there: uniform(9, 12), back: uniform(1, 2) },
})) {
  test(`ClockOffset is never further off than its bound: ${name}`, (t) => {
    let worst = 0;
    let bound = 0;
    exchange(setting, 30, (error, errorMs, nowMs) => {
      t.true(Math.abs(error) <= errorMs + 1e-6, `${error} is beyond ${errorMs} at ${nowMs}`);
      if (nowMs > 2000) {
        worst = Math.max(worst, Math.abs(error));
        bound = Math.max(bound, errorMs);
      }
    });
    t.log(`off by at most ${worst.toFixed(3)} ms, bound ${bound.toFixed(3)} ms`);
    // Asymmetry cannot be seen from both ends: its half is the error, and the bound covers it.
    t.true(worst < (name.startsWith("delays") ? 4.5 : 0.6));
  });
}

test("ClockOffset knows one bound from one-way messages, and no error", (t) => {
  const clock = new ClockOffset();
  t.is(clock.offsetMs(0), Number.NaN);
  clock.heard(1000, 10);
  clock.heard(1009, 25);
  t.true(Math.abs(clock.offsetMs(25) - 990) < 0.01);
  t.is(clock.errorMs(25), Number.POSITIVE_INFINITY);
});

test("ClockOffset forgets quick messages after its window", (t) => {
  const clock = new ClockOffset({ windowMs: 800 });
  clock.heard(0, 0);
  clock.heard(995, 1000);
  t.true(clock.leastMs(500) > -1);
  t.is(Math.round(clock.leastMs(1000)), -5);
});

test("ClockOffset.contradicts() once their clock was set forward, until it forgets", (t) => {
  const clock = new ClockOffset();
  clock.heard(99, 100);
  clock.echoed(98, 98.5, 100);
  t.false(clock.contradicts(100, 1));
  clock.heard(5110, 110);
  t.true(clock.contradicts(110, 1));
  clock.forget();
  clock.heard(5120, 120);
  t.false(clock.contradicts(120, 1));
});

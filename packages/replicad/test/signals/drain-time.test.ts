/** The drain time: what it converges to, how it follows a change, counters that are odd. */
import { Draws } from "@mitsu/simulation";
import test from "ava";
import { DrainTime } from "../../src/signals/drain-time.ts";

const begun = (): DrainTime => {
  const drain = new DrainTime();
  drain.take(0, 0, 0);
  return drain;
};
const near = (value: number, wanted: number, share = 1e-9): boolean => Math.abs(value / wanted - 1) <= share;

test("DrainTime is 0 until a request ended, then the time of that one; idle time does not count", (t) => {
  const drain = begun();
  t.is(drain.ms, 0);
  drain.take(3, 0, 50);
  t.is(drain.ms, 0);
  drain.take(8, 1, 100);
  t.is(drain.ms, 8);
  drain.take(8, 1, 10_000);
  t.is(drain.ms, 8);
});

test("DrainTime of several requests at once is the inverse of the throughput, however often somebody looks", (t) => {
  const [often, seldom] = [begun(), begun()];
  for (let now = 1; now <= 400; now++) {
    often.take(now, Math.floor(now / 2), now);
    if (now % 40 === 0) seldom.take(now, now / 2, now);
  }
  t.true(near(often.ms, 2));
  t.true(near(seldom.ms, 2));
});

test("DrainTime gives each request the same say: two that end together have that of two", (t) => {
  const [one, both] = [begun(), begun()];
  let busy = 0;
  for (const drain of [one, both]) for (let i = 1; i <= 30; i++) drain.take(10 * i, i, 10 * i);
  for (let i = 31; i <= 50; i++) {
    busy = 300 + (i - 30) * 30;
    one.take(busy, i, busy);
    if (i % 2 === 0) both.take(busy, i, busy);
  }
  t.true(near(one.ms, 30 - 20 * 0.9 ** 20));
  t.true(near(both.ms, one.ms));
});

test("DrainTime follows exponential times from 10 ms to 30 within 30 requests, without a bias in the long run", (t) => {
  const draws = new Draws().at(7, 0);
  let sum = 0;
  let after = 0;
  for (let run = 0; run < 300; run++) {
    const drain = begun();
    let busy = 0;
    for (let i = 1; i <= 90; i++) {
      busy += (i <= 60 ? 10 : 30) * draws.exponential();
      drain.take(busy, i, busy);
      if (i === 60) sum += drain.ms;
    }
    after += drain.ms;
  }
  t.log(sum / 300, after / 300);
  t.true(near(sum / 300, 10, 0.05));
  t.true(near(after / 300, 30 - 20 * 0.9 ** 30, 0.05));
});

test("DrainTime rises while a request does not end, and is what it takes once it did", (t) => {
  const drain = begun();
  for (let i = 1; i <= 20; i++) drain.take(i, i, i);
  drain.take(20.5, 20, 20.5);
  t.is(drain.ms, 1);
  let before = 1;
  for (let now = 30; now <= 1020; now += 10) {
    drain.take(now, 20, now);
    t.true(drain.ms > before);
    before = drain.ms;
  }
  drain.take(1020, 21, 1020);
  t.true(near(drain.ms, before));
});

test("DrainTime takes no more busy time than has passed: senders that are busy at the same time count once", (t) => {
  const drain = begun();
  for (let now = 1; now <= 100; now++) drain.take(3 * now, now, now);
  t.true(near(drain.ms, 1));
});

test("DrainTime counts on when counters begin anew, and begins where it is told to look first", (t) => {
  const drain = new DrainTime();
  drain.take(1e6, 1000, 5);
  t.is(drain.ms, 0, "nobody saw that time");
  drain.take(1e6 + 4, 1001, 10);
  t.is(drain.ms, 4);
  drain.take(4, 1, 20);
  t.is(drain.ms, 4, "a restart: one request of 4 ms");
  drain.take(8, 2, 30);
  t.is(drain.ms, 4);
});

test("DrainTime.forget() knows nothing, and the next values are where counting begins", (t) => {
  const drain = begun();
  drain.take(5, 1, 10);
  drain.forget();
  t.is(drain.ms, 0);
  drain.take(500, 50, 1000);
  t.is(drain.ms, 0);
  drain.take(507, 51, 1010);
  t.is(drain.ms, 7);
});

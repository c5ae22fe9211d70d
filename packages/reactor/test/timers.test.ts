import test from "ava";
import fc from "fast-check";
import { Timer, Timers } from "../src/timers.ts";

const seed = 20_261_126;

test("a timer fires at the first advance past its time, once, and not when it was disarmed", (t) => {
  const timers = new Timers(1000.5);
  let fired = 0;
  const timer = new Timer(() => fired++);
  timers.arm(timer, 10);
  timers.advance(1010.4);
  t.is(fired, 0);
  timers.advance(1011);
  t.is(fired, 1);
  timers.advance(9999);
  t.is(fired, 1);
  timers.arm(timer, 10);
  timers.disarm(timer);
  timers.disarm(timer);
  timers.advance(20_000);
  t.is(fired, 1);
  t.is(timer.due, undefined);
});

test("Timers.tell() makes what is armed count from then, without firing", (t) => {
  const timers = new Timers(0);
  let fired = 0;
  const early = new Timer(() => fired++);
  const late = new Timer(() => fired++);
  timers.arm(early, 5);
  timers.tell(100);
  t.is(fired, 0);
  timers.arm(late, 5);
  timers.advance(104);
  t.is(fired, 1);
  timers.advance(105);
  t.is(fired, 2);
});

test("a timer that fires may arm itself, and disarm or move others that are due with it", (t) => {
  const timers = new Timers(0);
  const told: string[] = [];
  const second = new Timer(() => told.push("second"));
  const third = new Timer(() => told.push("third"));
  const first: Timer = new Timer(() => {
    told.push("first");
    timers.disarm(second);
    timers.arm(third, 10);
    if (told.length < 3) timers.arm(first, 1);
  });
  for (const timer of [first, second, third]) timers.arm(timer, 5);
  timers.advance(5);
  t.deepEqual(told, ["first"]);
  timers.advance(6);
  timers.advance(7);
  timers.advance(17);
  t.deepEqual(told, ["first", "first", "first", "third"]);
});

test("Timers.wait() tells when the next fires, and is not bothered by those far off", (t) => {
  const timers = new Timers(0);
  const far = Array.from({ length: 5000 }, (_, n) => new Timer(() => t.fail(String(n))));
  for (const [n, timer] of far.entries()) timers.arm(timer, 60_000 + n);
  t.is(timers.wait(20), 20);
  timers.arm(new Timer(() => {}), 7);
  t.is(timers.wait(20), 7);
  timers.advance(7);
  t.is(timers.wait(20), 20);
});

test("timers run on after 2^31 milliseconds", (t) => {
  const start = 2 ** 31 - 2000;
  const timers = new Timers(start);
  const fired: number[] = [];
  for (const ms of [1000, 3000, 5000, 100_000]) timers.arm(new Timer(() => fired.push(ms)), ms);
  for (let now = start; now <= start + 100_000; now += 500) timers.advance(now);
  t.deepEqual(fired, [1000, 3000, 5000, 100_000]);
});

test("Timers does what a sorted list does, whatever is armed, disarmed and skipped", (t) => {
  const ms = fc.oneof(fc.nat(10), fc.nat(3000), fc.nat(5000), fc.nat(200_000), fc.nat(10_000_000));
  const command = fc.oneof(
    fc.record({ do: fc.constant("arm" as const), timer: fc.nat(15), ms }),
    fc.record({ do: fc.constant("disarm" as const), timer: fc.nat(15), ms: fc.constant(0) }),
    fc.record({ do: fc.constant("advance" as const), timer: fc.constant(0), ms }),
    fc.record({ do: fc.constant("tell" as const), timer: fc.constant(0), ms: fc.nat(30) }),
  );
  fc.assert(
    fc.property(fc.nat(2 ** 32), fc.array(command, { maxLength: 60 }), (start, commands) => {
      const timers = new Timers(start);
      const due = new Map<number, number>();
      let now = start;
      const all = Array.from(
        { length: 16 },
        (_, n) =>
          new Timer(() => {
            if (!due.has(n) || due.get(n)! > now) throw new Error(`${n} fired at ${now}, due ${due.get(n)}`);
            due.delete(n);
          }),
      );
      for (const one of commands) {
        if (one.do === "arm") {
          timers.arm(all[one.timer]!, one.ms);
          due.set(one.timer, Math.max(now + one.ms, now + 0));
        } else if (one.do === "disarm") {
          timers.disarm(all[one.timer]!);
          due.delete(one.timer);
        } else {
          now += one.ms;
          if (one.do === "tell") timers.tell(now);
          else {
            timers.advance(now);
            // Armed for no time at all, it fires a millisecond later.
            for (const [n, when] of due) if (when < now - 1) throw new Error(`${n} did not fire by ${now}, due ${when}`);
          }
        }
        const next = Math.min(...due.values()) - now;
        if (one.do === "advance" && next > 0 && timers.wait(20) > Math.max(1, next))
          throw new Error(`waits ${timers.wait(20)}, next in ${next}`);
      }
    }),
    { seed, numRuns: 2000 },
  );
  t.pass();
});

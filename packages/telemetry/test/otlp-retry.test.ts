import test from "ava";
import fc from "fast-check";
import { isRetryable, retryLimits, waitMs } from "../src/otlp-retry.ts";

test("isRetryable() is true for the four statuses OTLP names", (t) => {
  const all = Array.from({ length: 600 }, (_, status) => status);
  t.deepEqual(all.filter(isRetryable), [429, 502, 503, 504]);
});

test("waitMs() doubles up to a bound", (t) => {
  const limits = { attempts: 9, firstWaitMs: 1000, maxWaitMs: 5000 };
  t.deepEqual(
    [1, 2, 3, 4, 40].map((failed) => waitMs(failed, limits, undefined, 0.5)),
    [1000, 2000, 4000, 5000, 5000],
  );
});

test("waitMs() stays within 20 % of the bound, whatever the attempt", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failed, random) => {
        const ms = waitMs(failed, retryLimits, undefined, random);
        return ms >= 800 && ms <= 36_000;
      }),
      { seed: 1 },
    ),
  );
});

test("waitMs() waits as long as the receiver asks, in seconds or until a date, up to five minutes", (t) => {
  const limits = { attempts: 9, firstWaitMs: 10, maxWaitMs: 10 };
  const ms = (header: string) => waitMs(1, limits, header, 0.5);
  t.is(ms("7"), 7000);
  t.is(ms("0"), 10);
  t.is(ms("99999999999"), 300_000);
  t.is(ms("soon"), 10);
  t.is(ms("Thu, 01 Jan 1970 00:00:00 GMT"), 10);
  const until = ms(new Date(Date.now() + 60_000).toUTCString());
  t.true(until > 58_000 && until <= 60_000, String(until));
});

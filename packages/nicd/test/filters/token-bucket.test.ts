import test from "ava";
import fc from "fast-check";
import { RateLimitFilter } from "../../src/filters/rate-limit.ts";
import { TokenBucket } from "../../src/filters/token-bucket.ts";
import { flag, verdict } from "../../src/live-exchange.ts";
import { ExchangeDouble } from "./exchange-double.ts";

const second = 1e9;

test("TokenBucket.take() allows a burst, then the rate", (t) => {
  const bucket = new TokenBucket({ requests: 10, perMs: 1000, burst: 3 });
  t.deepEqual(
    [1, 2, 3, 4].map(() => bucket.take(5)),
    [true, true, true, false],
  );
  t.is(bucket.waitNs, second / 10);
  t.false(bucket.take(5 + second / 10 - 1));
  t.true(bucket.take(5 + second / 10));
  t.false(bucket.take(5 + second / 10));
  t.deepEqual(
    [1, 2, 3, 4].map(() => bucket.take(100 * second)),
    [true, true, true, false],
  );
});

test("TokenBucket.take() takes a clock that went back for one that stood still", (t) => {
  const bucket = new TokenBucket({ requests: 1, perMs: 1000, burst: 2 });
  t.true(bucket.take(10 * second));
  t.true(bucket.take(5 * second));
  t.false(bucket.take(5 * second));
  t.false(bucket.take(11 * second - 1));
  t.true(bucket.take(11 * second));
});

test("TokenBucket shares a node's limit among its workers", (t) => {
  const bucket = new TokenBucket({ requests: 8, perMs: 1000, burst: 4 }, 2);
  t.deepEqual(
    [1, 2, 3].map(() => bucket.take(0)),
    [true, true, false],
  );
  t.is(bucket.waitNs, second / 4);
  const small = new TokenBucket({ requests: 8, perMs: 1000, burst: 1 }, 4);
  t.true(small.take(0), "one at least");
});

test("TokenBucket allows what exact arithmetic allows", (t) => {
  const limit = fc.record({
    requests: fc.integer({ min: 1, max: 1000 }),
    perMs: fc.integer({ min: 1, max: 60_000 }),
    burst: fc.integer({ min: 1, max: 50 }),
  });
  let refused = 0;
  fc.assert(
    fc.property(
      limit,
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.nat(200_000_000), { minLength: 100, maxLength: 200 }),
      ({ requests, perMs, burst }, workers, gaps) => {
        const bucket = new TokenBucket({ requests, perMs, burst }, workers);
        // The model: nanoseconds × requests in big numbers.
        const cost = BigInt(perMs) * 1_000_000n * BigInt(workers);
        const most = BigInt(burst) * BigInt(perMs) * 1_000_000n;
        const full = most > cost ? most : cost;
        let level = full;
        let nowNs = 1e12;
        for (const gap of gaps) {
          nowNs += gap;
          level += BigInt(gap) * BigInt(requests);
          if (level > full) level = full;
          const allowed = level >= cost;
          if (allowed) level -= cost;
          else refused++;
          t.is(bucket.take(nowNs), allowed);
          if (!allowed) t.is(bucket.waitNs, Number((cost - level + BigInt(requests) - 1n) / BigInt(requests)));
        }
      },
    ),
    { seed: 4, numRuns: 300 },
  );
  t.true(refused > 500);
});

test("RateLimitFilter answers 429 with the seconds to wait, rounded up", (t) => {
  const filter = new RateLimitFilter(new TokenBucket({ requests: 1, perMs: 2500, burst: 1 }));
  t.is(filter.onRequestHead(new ExchangeDouble()), verdict.continue);
  const x = new ExchangeDouble();
  t.is(filter.onRequestHead(x), verdict.respond);
  t.deepEqual(x.answers, [
    {
      status: 429,
      flag: flag.rateLimited,
      body: "local_rate_limited",
      headers: [
        ["x-envoy-ratelimited", "true"],
        ["retry-after", "3"],
      ],
    },
  ]);
  t.is(filter.limited, 1);
  const later = new ExchangeDouble();
  later.startNs = 2.5 * second;
  t.is(filter.onRequestHead(later), verdict.continue);
});

import test from "ava";
import { ExportPace } from "../src/export-pace.ts";
import { someExchange } from "./some-exchanges.ts";

const traceId = (n: number): string => ((n * 2654435761) >>> 0).toString(16).padStart(8, "0").repeat(4);

/** What passes of `count` exchanges of two spans each, evenly over a second. */
function second(pace: ExportPace, clock: { ms: number }, count: number, first = 0): Set<string> {
  const passed = new Set<string>();
  for (let n = 0; n < count; n++) {
    clock.ms += 1000 / count;
    const id = traceId(first + n);
    if (pace.lets(someExchange({ from: "web", to: "cart", span: n, ms: [0, 1, clock.ms], traceId: id }), 2)) passed.add(id);
  }
  return passed;
}

test("ExportPace lets everything through while little comes", (t) => {
  const clock = { ms: 0 };
  t.is(second(new ExportPace(1000), clock, 400).size, 400);
});

test("ExportPace thins out to about its rate, and opens again when less comes", (t) => {
  const clock = { ms: 0 };
  const pace = new ExportPace(1000);
  second(pace, clock, 20_000);
  const busy = second(pace, clock, 20_000, 20_000).size * 2;
  t.true(busy > 700 && busy < 1300, `${busy} spans`);
  second(pace, clock, 100);
  t.is(pace.share, 1);
});

test("ExportPace lets the first trace after a burst through, however few come then", (t) => {
  const clock = { ms: 0 };
  const pace = new ExportPace(1000);
  for (let n = 0; n < 251; n++) pace.lets(someExchange({ from: "web", to: "cart", span: n, ms: [0, 1, 2], traceId: traceId(n) }), 1);
  t.true(pace.share < 1);
  clock.ms = 300;
  t.is(second(pace, clock, 3).size, 3);
});

test("ExportPace goes on when the clock is set back", (t) => {
  const clock = { ms: 3_600_000 };
  const pace = new ExportPace(1000);
  second(pace, clock, 20_000);
  t.true(pace.share < 1);
  clock.ms = 0;
  second(pace, clock, 100);
  t.is(pace.share, 1);
});

test("ExportPace decides by trace: two nodes as busy let the same ones through", (t) => {
  const clocks = [{ ms: 0 }, { ms: 0 }];
  const [one, two] = clocks.map((clock) => {
    const pace = new ExportPace(1000);
    second(pace, clock, 10_000);
    return second(pace, clock, 10_000);
  });
  t.deepEqual(one, two);
});

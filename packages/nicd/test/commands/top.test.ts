/** `nicd top`: what happened between two readings. */
import type { NicdSeries } from "@mitsu/ipc";
import test from "ava";
import fc from "fast-check";
import { quantile, topRows } from "../../src/commands/top.ts";
import { askMany } from "../daemon/support/ask.ts";
import { InProcessNicd } from "../daemon/support/in-process-nicd.ts";
import { Origin, replicas } from "../daemon/support/origin.ts";

const bounds = [1, 10, 100];
const series = (parts: Partial<NicdSeries> = {}): NicdSeries => ({
  from: "shop",
  to: "web",
  code: "200",
  flags: "",
  requests: 10,
  durations: [5, 5, 0, 0],
  sumMs: 30,
  ...parts,
});

test("quantile() is linear within a bucket, as Prometheus' histogram_quantile", (t) => {
  t.is(quantile([10, 0, 0, 0], bounds, 0.5), 0.5);
  t.is(quantile([0, 10, 0, 0], bounds, 0.5), 5.5);
  t.is(quantile([5, 5, 0, 0], bounds, 0.5), 1);
  t.is(quantile([0, 0, 0, 3], bounds, 0.5), 100, "the last bound for what lies beyond it");
  t.is(quantile([0, 0, 0, 0], bounds, 0.5), null);
});

test("quantile() lies within the bounds and grows with its share", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (counts, a, b) => {
        const [low, high] = [quantile(counts, bounds, Math.min(a, b)), quantile(counts, bounds, Math.max(a, b))];
        if (counts.every((count) => count === 0)) return low === null;
        return low! >= 0 && high! <= 100 && low! <= high!;
      },
    ),
    { seed: 7 },
  );
  t.pass();
});

test("topRows() takes the difference, puts the busiest first, and adds up what ended in different ways", (t) => {
  const before = [series({ requests: 100, durations: [100, 0, 0, 0] })];
  const after = [
    series({ requests: 120, durations: [120, 0, 0, 0] }),
    series({ code: "503", flags: "UF", requests: 5, durations: [0, 0, 5, 0] }),
    series({ code: "0", flags: "DC", requests: 5, durations: [0, 0, 5, 0] }),
    series({ from: "", to: "cart", requests: 50, durations: [50, 0, 0, 0] }),
    series({ from: "idle", requests: 0, durations: [0, 0, 0, 0] }),
  ];
  const [cart, web, ...rest] = topRows(before, after, bounds, 2);
  t.deepEqual(rest, []);
  t.like(cart, { from: "", to: "cart", requestsPerSecond: 25, errorShare: 0, flags: {} });
  t.like(web, { from: "shop", to: "web", requestsPerSecond: 15, errorShare: 10 / 30, flags: { UF: 5, DC: 5 } });
  t.true(web!.p99Ms! > 10 && web!.p50Ms! <= 1);
});

test("topRows() after a worker was started anew takes its counts from 0", (t) => {
  const [row] = topRows(
    [series({ requests: 1000, durations: [1000, 0, 0, 0] })],
    [series({ requests: 4, durations: [4, 0, 0, 0] })],
    bounds,
    1,
  );
  t.is(row?.requestsPerSecond, 4);
  t.is(row?.p50Ms, 0.5);
});

test("nicd top shows who asks whom over its interval", async (t) => {
  const origin = await Origin.start(t, "a");
  const daemon = await InProcessNicd.start(t, {
    mesh: `version: 1\nservices: { web: { ports: [80], replicas: ${replicas(origin)} } }\n`,
    listen: ["web"],
  });
  const [top] = await Promise.all([daemon.cli("top", "--json", "--interval-ms", "300"), askMany(daemon.port, 30)]);
  const { rows } = JSON.parse(top.out) as { rows: { from: string; to: string; requestsPerSecond: number }[] };
  t.is(rows.length, 1);
  t.like(rows[0], { from: "", to: "web" });
  t.true(rows[0]!.requestsPerSecond > 0);
  t.regex((await daemon.cli("top", "--interval-ms", "10")).out, /no requests/);
});

/** Traces to calls and to CPU time, by hand. */
import test from "ava";
import fc from "fast-check";
import { selfTimeUs } from "../../src/profile/self-time.ts";
import type { Span } from "../../src/profile/span.ts";
import { TraceAssembler } from "../../src/profile/trace-assembler.ts";
import { TraceStatistics } from "../../src/profile/trace-statistics.ts";

const span = (id: string, parent: string | null, service: string, more: Partial<Span> = {}): Span => ({
  id,
  parent,
  service,
  operation: id,
  kind: "server",
  startUs: 0,
  durationUs: 100,
  requestBytes: null,
  answerBytes: null,
  peer: null,
  sampling: null,
  ...more,
});

function statistics(...traces: readonly (readonly Span[])[]): TraceStatistics {
  const all = new TraceStatistics();
  for (const trace of traces) all.add(trace, "jaeger:t");
  return all;
}

/** Edges at one trace a second for each that was added. */
const calls = (all: TraceStatistics): unknown =>
  all.edges(all.traces).map(({ from, to, messagesPerSecond, bytesPerSecond }) => [from, to, messagesPerSecond, bytesPerSecond]);

test("add() counts a call to another service as two messages, within a service as none", (t) => {
  const all = statistics([
    span("1", null, "web"),
    span("2", "1", "web", { kind: "client" }),
    span("3", "2", "db"),
    span("4", "3", "db", { kind: "internal" }),
  ]);
  t.deepEqual(calls(all), [["web", "db", 2, null]]);
});

test("add() counts a message from a queue as one", (t) => {
  t.deepEqual(
    calls(statistics([span("1", null, "web", { kind: "producer" }), span("2", "1", "worker", { kind: "consumer", requestBytes: 40 })])),
    [["web", "worker", 1, 40]],
  );
});

test("add() takes bytes of either end's tags, and those of calls that tell none to be like the others", (t) => {
  const all = statistics(
    [span("1", null, "web"), span("2", "1", "web", { kind: "client", requestBytes: 10 }), span("3", "2", "db", { answerBytes: 90 })],
    [span("1", null, "web"), span("3", "1", "db")],
  );
  t.deepEqual(calls(all), [["web", "db", 4, 200]]);
  t.like(all.oddities, { calls: 2, callsWithoutBytes: 1 });
});

test("add() makes a service of a database that only its clients know, and tells clients that name nobody", (t) => {
  const all = statistics([
    span("1", null, "web"),
    span("2", "1", "web", { kind: "client", peer: "redis", requestBytes: 5 }),
    span("3", "1", "web", { kind: "client" }),
    span("4", "1", "web", { kind: "unknown", operation: "mongo_find_client" }),
    span("5", "1", "web", { kind: "client", peer: "named but there" }),
    span("6", "5", "api"),
  ]);
  t.deepEqual(calls(all), [
    ["web", "redis", 2, 5],
    ["web", "api", 2, null],
  ]);
  t.is(all.oddities.namelessClients, 2);
});

test("add() takes a span id that two services share as a call between them", (t) => {
  const all = statistics([span("1", null, "web", { kind: "client" }), span("1", null, "db"), span("2", "1", "disk")]);
  t.deepEqual(calls(all), [
    ["web", "db", 2, null],
    ["db", "disk", 2, null],
  ]);
});

test("add() tells orphans, duplicates, negative durations, skew and cycles, and counts the rest", (t) => {
  const all = statistics([
    span("1", null, "web"),
    span("1", null, "web"),
    span("2", "none", "db"),
    span("3", "1", "api", { durationUs: -5 }),
    span("4", "1", "late", { startUs: 5000 }),
    span("5", "6", "x"),
    span("6", "5", "y"),
    span("7", "7", "z"),
  ]);
  t.like(all.oddities, { orphanSpans: 1, duplicateSpans: 1, negativeSpans: 1, skewedSpans: 1, cyclicSpans: 1 });
  // Of x and y, who call each other, one of the two calls is left.
  t.deepEqual(
    all
      .edges(1)
      .map(({ from, to }) => `${from} ${to}`)
      .toSorted(),
    ["web api", "web late", "x y"],
  );
});

test("edges() scales up by the probability with which each trace was kept", (t) => {
  const all = statistics(
    [span("1", null, "web", { sampling: 0.1 }), span("2", "1", "db")],
    [span("1", null, "web", { sampling: 0.5, startUs: 2e6 }), span("2", "1", "api", { startUs: 2e6 })],
  );
  // 10 and 2 requests for the two traces: of 12 each second, 10 call the one.
  const rate = all.rate(undefined);
  t.like(rate, { origin: "traces", perSecond: 3, spanSeconds: 2 });
  t.deepEqual(
    all.edges(12).map(({ to, messagesPerSecond }) => [to, messagesPerSecond]),
    [
      ["db", 20],
      ["api", 4],
    ],
  );
});

test("rate() is what is told, else the traces', else a guess", (t) => {
  const all = statistics([span("1", null, "web")], [span("1", null, "web", { startUs: 1e6 })], [span("1", null, "web", { startUs: 4e6 })]);
  t.like(all.rate(7), { origin: "told", perSecond: 7 });
  t.like(all.rate(undefined), { origin: "traces", perSecond: 0.5 });
  t.like(statistics([span("1", null, "web")]).rate(undefined), { origin: "guessed", perSecond: 1 });
});

test("services() bounds CPU by time that no child covers, without that of clients", (t) => {
  const all = statistics([
    span("1", null, "web", { durationUs: 1000 }),
    span("2", "1", "web", { kind: "client", startUs: 100, durationUs: 400 }),
    span("3", "2", "db", { startUs: 200, durationUs: 200 }),
    span("4", "1", "web", { kind: "internal", startUs: 400, durationUs: 200 }),
  ]);
  const means = Object.fromEntries(all.services(1000).map(({ name, demand }) => [name, Number(demand.cpu!.mean.toFixed(9))]));
  // web: 1000 without 100..600, and 200 of its inner span.
  t.deepEqual(means, { web: 0.7, db: 0.2 });
});

test("services() puts a skewed child into the middle of its parent", (t) => {
  const all = statistics([span("1", null, "web", { durationUs: 100 }), span("2", "1", "db", { startUs: 9000, durationUs: 60 })]);
  t.deepEqual(
    all.services(1e6).map(({ demand }) => Math.round(demand.cpu!.mean)),
    [40, 60],
  );
});

test("services() has the spread of a compound Poisson sum: λ·E[S²] in a window of a second", (t) => {
  const all = statistics([span("1", null, "web", { durationUs: 10_000 })], [span("1", null, "web", { durationUs: 30_000 })]);
  const { cpu } = all.services(100)[0]!.demand;
  const spread = Math.sqrt(100 * ((0.01 ** 2 + 0.03 ** 2) / 2));
  t.true(Math.abs(cpu!.mean - 2) < 1e-9);
  t.true(Math.abs(cpu!.p95 - (2 + 1.645 * spread)) < 1e-9);
  t.true(Math.abs(cpu!.p99 - (2 + 2.326 * spread)) < 1e-9);
});

test("selfTimeUs() is the measure of what is left, against counting it out", (t) => {
  const interval = fc.tuple(fc.integer({ min: -10, max: 40 }), fc.nat(20)).map(([from, length]) => ({ from, to: from + length }));
  fc.assert(
    fc.property(fc.nat(30), fc.array(interval, { maxLength: 6 }), (length, covered) => {
      const left = Array.from({ length }, (_, at) => at).filter((at) => !covered.some(({ from, to }) => from <= at && at < to));
      t.is(selfTimeUs({ from: 0, to: length }, covered), left.length);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("add() survives any spans", (t) => {
  const id = fc.constantFrom("1", "2", "3", "4");
  const any = fc.record({
    id,
    parent: fc.option(id),
    service: fc.constantFrom("a", "b"),
    kind: fc.constantFrom<Span["kind"][]>("client", "server", "consumer", "unknown"),
    startUs: fc.integer({ min: -50, max: 50 }),
    durationUs: fc.integer({ min: -10, max: 100 }),
    peer: fc.option(fc.constantFrom("a", "db")),
  });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 10 }), (spans) => {
      const all = statistics(spans.map((one) => span(one.id, one.parent, one.service, one)));
      for (const { from, to, messagesPerSecond } of all.edges(1)) t.true(from !== to && messagesPerSecond > 0);
      for (const { demand } of all.services(1)) t.true(demand.cpu!.mean >= 0 && demand.cpu!.p99 >= demand.cpu!.mean);
    }),
    { seed: 1, numRuns: 1000 },
  );
});

test("TraceAssembler closes the trace that was quiet longest, and leaves out what comes for it later", (t) => {
  const traces: string[][] = [];
  const assembler = new TraceAssembler({ mostSpans: 3, trace: (spans) => traces.push(spans.map(({ id }) => id)) });
  for (const [trace, id] of [
    ["a", "1"],
    ["b", "2"],
    ["a", "3"],
    ["c", "4"],
    ["b", "5"],
  ] as const)
    assembler.add(trace, span(id, null, "s"));
  t.deepEqual(traces[0], ["2"]);
  t.is(assembler.lateSpans, 1);
  assembler.end();
  t.deepEqual(traces, [["2"], ["1", "3"], ["4"]]);
});

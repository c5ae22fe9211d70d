/** Several sources to one. */
import test from "ava";
import { demandOf } from "../../src/profile/demand.ts";
import { merge } from "../../src/profile/merge.ts";
import type { Observation, ObservedEdge } from "../../src/profile/observation.ts";

const edge = (messagesPerSecond: number, more: Partial<ObservedEdge> = {}): ObservedEdge => ({
  from: "a",
  to: "b",
  messagesPerSecond,
  bytesPerSecond: messagesPerSecond * 10,
  estimated: false,
  ...more,
});

function seen(source: string, edges: readonly ObservedEdge[], more: Partial<Observation> = {}): Observation {
  return { source, kind: "count", seconds: 10, edges, services: [], records: 1, skipped: 0, notices: [], ...more };
}

test("merge() takes the source that counts before the one that samples, and names both", (t) => {
  const traces = seen("jaeger:t", [edge(30)], { kind: "sample", seconds: 500 });
  for (const order of [
    [traces, seen("pcap:f", [edge(20)])],
    [seen("pcap:f", [edge(20)]), traces],
  ]) {
    const { edges, notices } = merge(order);
    t.deepEqual(edges, [{ from: "a", to: "b", messagesPerSecond: 20, bytesPerSecond: 200, sources: ["pcap:f", "jaeger:t"] }]);
    t.deepEqual(notices, []);
  }
});

test("merge() takes a count before an estimate, then what was watched longer", (t) => {
  const estimated = seen("sockhijack", [edge(1, { estimated: true })], { seconds: 60 });
  t.is(merge([estimated, seen("pcap:f", [edge(1.5)])]).edges[0]!.messagesPerSecond, 1.5);
  t.is(merge([seen("pcap:f", [edge(2)]), seen("pcap:g", [edge(3)], { seconds: 20 })]).edges[0]!.messagesPerSecond, 3);
});

test("merge() takes the source that sees everything before packets, which lack what is redirected, unless they saw as much", (t) => {
  const all = seen("sockhijack", [edge(10, { estimated: true })]);
  const packets = (messages: number): Observation => seen("capture:lo", [edge(messages)], { partial: true });
  for (const [messages, taken] of [
    [1, 10],
    [8.9, 10],
    [9.1, 9.1],
    [11, 11],
  ] as const) {
    t.is(merge([packets(messages), all]).edges[0]!.messagesPerSecond, taken);
    t.is(merge([all, packets(messages)]).edges[0]!.messagesPerSecond, taken);
  }
});

test("merge() takes bytes from the next source where the best tells none", (t) => {
  const none = seen("pcap:f", [edge(2, { bytesPerSecond: null })]);
  t.is(merge([none, seen("jaeger:t", [edge(2, { bytesPerSecond: 77 })], { kind: "sample" })]).edges[0]!.bytesPerSecond, 77);
  t.is(merge([none]).edges[0]!.bytesPerSecond, 0);
});

test("merge() tells where sources differ by more than a factor of two", (t) => {
  const { notices } = merge([seen("sockhijack", [edge(10)]), seen("jaeger:t", [edge(21)], { kind: "sample" })]);
  t.deepEqual(notices, ["a → b: sockhijack has 10 messages/s, jaeger:t 21; the first is taken"]);
  t.is(merge([seen("sockhijack", [edge(10)]), seen("jaeger:t", [edge(20)], { kind: "sample" })]).notices.length, 0);
  t.is(merge([seen("sockhijack", [edge(0)]), seen("jaeger:t", [edge(1)], { kind: "sample" })]).notices.length, 1);
});

test("merge() keeps ordered pairs apart, and edges' own sources", (t) => {
  const { edges } = merge([seen("x", [edge(1, { sources: ["jaeger:1", "otlp:2"] }), edge(5, { from: "b", to: "a" })])]);
  t.deepEqual(
    edges.map(({ from, to, sources }) => [from, to, sources]),
    [
      ["b", "a", ["x"]],
      ["a", "b", ["jaeger:1", "otlp:2"]],
    ],
  );
});

test("merge() has a counting source's demand before a sampling one's, by resource, whatever the order", (t) => {
  const demand = (cpu: number): { cpu: ReturnType<typeof demandOf> } => ({ cpu: demandOf([cpu]) });
  const traces = seen("jaeger:t", [], {
    kind: "sample",
    services: [
      { name: "a", demand: demand(3) },
      { name: "z", demand: demand(1) },
    ],
  });
  const cgroup = seen("cgroup", [], { services: [{ name: "a", replicas: 2, demand: { ...demand(1), memory: demandOf([9]) } }] });
  for (const order of [
    [traces, cgroup],
    [cgroup, traces],
  ]) {
    const { services } = merge(order);
    t.deepEqual(
      services.map(({ name, replicas }) => [name, replicas]),
      [
        ["a", 2],
        ["z", undefined],
      ],
    );
    t.is(services[0]!.demand.cpu!.mean, 1);
    t.is(services[0]!.demand.memory!.p50, 9);
  }
});

test("demandOf() weighs samples by their time", (t) => {
  t.deepEqual(demandOf([1, 2, 3, 4]), { mean: 2.5, p50: 2, p95: 4, p99: 4 });
  t.deepEqual(demandOf([10, 0], [1, 99]), { mean: 0.1, p50: 0, p95: 0, p99: 0 });
  t.deepEqual(demandOf([10, 0], [2, 98]), { mean: 0.2, p50: 0, p95: 0, p99: 10 });
  t.deepEqual(demandOf([]), { mean: 0, p50: 0, p95: 0, p99: 0 });
});

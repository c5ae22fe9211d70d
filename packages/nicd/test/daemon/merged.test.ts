/** Several workers' answers as one: sums, whatever they are. */
import type { NicdStatus } from "@mitsu/ipc";
import test from "ava";
import fc from "fast-check";
import { mergedRows } from "../../src/merged-rows.ts";
import { mergedSamples } from "../../src/merged-samples.ts";
import { mergedStatus } from "../../src/merged-views.ts";
import { readPrometheus } from "../telemetry/prometheus-text.ts";

const label = fc.string({ unit: fc.constantFrom("a", "b", " ", "}", "{", ",", "=", '\\"', "\\\\", "\\n", "é"), maxLength: 6 });
/** A worker's text: some families of a fixed form, each with some series. */
const samples = fc.dictionary(
  fc.tuple(fc.constantFrom("a_total", "b_gauge", "c_expiry_seconds"), label).map(([name, text]) => `${name}{x="${text}"}`),
  fc.nat(1e6),
  {
    maxKeys: 6,
  },
);

const types = { a_total: "counter", b_gauge: "gauge", c_expiry_seconds: "gauge" } as const;

function textOf(values: Readonly<Record<string, number>>): string {
  return Object.entries(types)
    .map(([name, type]) => {
      const own = Object.entries(values).filter(([key]) => key.startsWith(`${name}{`));
      return `# HELP ${name} Of a test.\n# TYPE ${name} ${type}\n${own.map(([key, value]) => `${key} ${value}\n`).join("")}`;
    })
    .join("");
}

test("mergedSamples() is the sum of each sample, the largest of times, and is what Prometheus reads", (t) => {
  fc.assert(
    fc.property(fc.array(samples, { minLength: 1, maxLength: 4 }), (workers) => {
      const merged = mergedSamples(workers.map(textOf));
      readPrometheus(merged);
      const got = new Map(
        merged
          .split("\n")
          .filter((line) => line !== "" && !line.startsWith("#"))
          .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
      );
      const keys = new Set(workers.flatMap((worker) => Object.keys(worker)));
      t.is(got.size, keys.size);
      for (const key of keys) {
        const values = workers.flatMap((worker) => (key in worker ? [worker[key]!] : []));
        t.is(got.get(key), key.startsWith("c_") ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0), key);
      }
    }),
    { seed: 11, numRuns: 200 },
  );
});

test("mergedSamples() of one text is that text; of none, nothing; without heads and with infinite values, sums", (t) => {
  const text = textOf({ 'a_total{x=""}': 1, 'b_gauge{x="y z"}': 2 });
  t.is(mergedSamples([text]), text);
  t.is(mergedSamples([]), "");
  t.is(mergedSamples(["a_total 1\n", "a_total 2\n"]), "a_total 3\n");
  t.is(mergedSamples(['a{le="+Inf"} +Inf\n', 'a{le="+Inf"} 1\n']), 'a{le="+Inf"} +Inf\n');
});

test("mergedRows() adds up what a row does not tell apart", (t) => {
  const row = { from: "a", to: "b", code: "200", flags: "", requests: 1, durations: [1, 0], sumMs: 2 };
  t.deepEqual(mergedRows([row, { ...row, code: "500" }, { ...row, requests: 4, durations: [1, 3], sumMs: 9 }]), [
    { ...row, requests: 5, durations: [2, 3], sumMs: 11 },
    { ...row, code: "500" },
  ]);
});

const status = (parts: Partial<NicdStatus> = {}): NicdStatus => ({
  version: "1",
  pid: 1,
  startedAtMs: 0,
  degraded: [],
  node: "n",
  workers: 1,
  listening: [],
  connections: { http: 1, tcp: 2 },
  upstreamConnections: 3,
  spoken: { http1: 1 },
  refusals: {},
  requests: 4,
  retries: 5,
  mirrored: 6,
  residentBytes: 7,
  links: [],
  certificate: null,
  spans: { exported: 1 },
  reports: { state: "none", replicas: 0 },
  ...parts,
});

test("mergedStatus() adds up, says each reason once, and knows that one registration of several workers is enough", (t) => {
  const own = { version: "2", pid: 9, startedAtMs: 3, node: "n", degraded: ["1 of 3 workers are not there"] };
  const later = "another nicd was registered later and takes the connections";
  const merged = mergedStatus([status({ degraded: [later, "x"], spoken: { tls: 2 } }), status({ degraded: ["x"] })], own);
  t.like(merged, {
    version: "2",
    pid: 9,
    workers: 2,
    requests: 8,
    connections: { http: 2, tcp: 4 },
    spoken: { tls: 2, http1: 1 },
    spans: { exported: 2 },
  });
  t.deepEqual(merged.degraded, ["1 of 3 workers are not there", "x"]);
  t.true(mergedStatus([status({ degraded: [later] })], own).degraded.includes(later));
  const reports = [
    { state: "none", replicas: 0 } as const,
    { state: "fresh", replicas: 3 } as const,
    { state: "fresh", replicas: 2 } as const,
  ];
  t.deepEqual(
    mergedStatus(
      reports.map((one) => status({ reports: one })),
      own,
    ).reports,
    { state: "fresh", replicas: 3 },
  );
});

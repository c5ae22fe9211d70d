/** The report of filters.sh and of filters-conformance.sh. */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import test from "ava";
import { renderFilterChart } from "../report/filters-chart.ts";
import { judgeFilterChecks, renderFilterChecks } from "../report/filters-checks.ts";
import { conformanceTable, differsAlone, type HostVerdicts, withTable } from "../report/filters-differences.ts";
import { filterLayout } from "../report/filters-names.ts";
import { judgeFilters } from "../report/filters-targets.ts";
import type { Target } from "../report/judge.ts";
import { toPoints } from "../report/points.ts";
import { parseMeasurements } from "../report/samples.ts";
import { renderTable } from "../report/table.ts";
import { kernelRun } from "./kernel-run.ts";

const bench = join(import.meta.dirname, "..");

/** One raw line of a load: 1 KiB × 16, `requests` in 1 s, `relayUs` of the relay's CPU each. */
function load(mode: string, requests: number, relayUs: number, rep = 1, fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    phase: "http",
    rep,
    mode,
    size: "1024",
    connections: 16,
    exit: 0,
    wallSeconds: 1,
    cpuSeconds: { server: 0.1, client: 0.1, relay: (relayUs * requests) / 1e6 },
    foreignCpuSeconds: 0,
    stealSeconds: 0,
    segments: 0,
    steady: null,
    output: `{"requests":${requests},"seconds":1,"bytes":1,"meanUs":9,"p50Us":5,"p99Us":50,"errors":0}\n`,
    ...fields,
  });
}

const check = (phase: string, fields: object): string => JSON.stringify({ phase, rep: 1, mode: "nicd", check: fields });
const closed = { spinMs: 3, statuses: [500, 500], nextStatuses: [200, 500], backMs: [1, 1000] };
const open = { spinMs: 3, statuses: [200, 200], nextStatuses: [200, 200], backMs: [1, 1000] };
const safety = { closed, open, usualMs: 1, grow: "granted=0" };
const reload = { reloads: 2000, shown: 2000, failed: 0, perReloadMs: 20, firstMb: 90, lastMb: 91, slopeKb: 1 };
const examples = { filters: 20, right: 20, failures: [] };
const rules = {
  sets: [
    { rules: 10, compileMs: 50, compileCpuMs: 50, bytes: 9000, requestUs: 2 },
    { rules: 10_000, compileMs: 1500, compileCpuMs: 1400, bytes: 2e6, requestUs: 3 },
  ],
};
const checks = [
  check("kernel", kernelRun()),
  check("safety", safety),
  check("reloads", reload),
  check("examples", examples),
  check("rules", rules),
];

const judged = (...lines: readonly string[]): readonly Target[] => judgeFilters(parseMeasurements(lines.join("\n")));
const stateOf = (targets: readonly Target[], name: RegExp): string | undefined => targets.find((target) => name.test(target.name))?.state;

test("judgeFilters() takes an empty run for no data, never for met", (t) => {
  t.deepEqual(new Set(judged().map(({ state }) => state)), new Set(["no data"]));
});

test("judgeFilters() takes a filter's cost and the ratios inside a repetition", (t) => {
  const base = [load("nicd-none", 60_000, 16), load("envoy-c", 20_000, 48), load("envoy-as", 20_000, 48)];
  const good = judged(...base, load("nicd-c", 52_000, 20), load("nicd-as", 45_000, 23));
  for (const name of [
    /in C, CPU/,
    /in AssemblyScript, CPU/,
    /one C filter over without/,
    /the C filter over Envoy/,
    /AssemblyScript filter over Envoy/,
  ])
    t.is(stateOf(good, name), "met", String(name));
  t.is(stateOf(good, /Rust filter/), "no data");
  const bad = judged(...base, load("nicd-c", 29_000, 21.5), load("nicd-as", 29_000, 24.5));
  for (const name of [
    /in C, CPU/,
    /in AssemblyScript, CPU/,
    /one C filter over without/,
    /the C filter over Envoy/,
    /AssemblyScript filter over Envoy/,
  ])
    t.is(stateOf(bad, name), "missed", String(name));
  // A repetition without its base says nothing of the cost.
  t.is(stateOf(judged(load("nicd-none", 60_000, 16), load("nicd-c", 52_000, 20, 2)), /in C, CPU/), "no data");
});

test("judgeFilters() does not take answers with errors for answers", (t) => {
  t.is(stateOf(judged(load("nicd-c", 10, 9)), /failed or unanswered/), "met");
  const output = `{"requests":10,"seconds":1,"bytes":1,"meanUs":9,"p50Us":5,"p99Us":50,"errors":3}`;
  t.is(stateOf(judged(load("nicd-c", 10, 9, 1, { output })), /failed or unanswered/), "missed");
});

test("judgeFilterChecks() meets good checks", (t) => {
  const targets = judgeFilterChecks(parseMeasurements(checks.join("\n")).checks);
  t.deepEqual(
    targets.filter(({ state }) => state !== "met"),
    [],
  );
  t.is(targets.length, 10);
});

for (const [what, name, line] of [
  ["a loop of 11 ms", /loop.*closed/, check("safety", { ...safety, closed: { ...closed, spinMs: 11 } })],
  ["a loop that hangs the exchange", /loop.*closed/, check("safety", { ...safety, closed: { ...closed, statuses: [500, 0] } })],
  ["a filter that does not come back", /loop.*closed/, check("safety", { ...safety, closed: { ...closed, backMs: [null] } })],
  ["fail-open that refuses", /loop.*open/, check("safety", { ...safety, open: { ...open, statuses: [500] } })],
  ["a refused request behind the loop", /behind/, check("safety", { ...safety, closed: { ...closed, nextStatuses: [500] } })],
  ["64 MiB that are granted", /64 MiB/, check("safety", { ...safety, grow: "granted=1" })],
  ["memory that grows", /reloads/, check("reloads", { ...reload, slopeKb: 5 })],
  ["a reload that did not take effect", /reloads/, check("reloads", { ...reload, shown: 1999 })],
  ["an example that does nothing", /examples/, check("examples", { ...examples, right: 19, failures: ["tick: 500"] })],
  ["rules that take long", /compiled/, check("rules", { sets: [rules.sets[0], { ...rules.sets[1], compileCpuMs: 2100 }] })],
  ["rules that are looked through", /over one with ten/, check("rules", { sets: [rules.sets[0], { ...rules.sets[1], requestUs: 9 }] })],
] as const)
  test(`judgeFilterChecks() misses the target on ${what}`, (t) => {
    t.is(stateOf(judgeFilterChecks(parseMeasurements(line).checks), name), "missed");
  });

test("judgeFilterChecks() does not take a quick run's fewer reloads and rules for the target", (t) => {
  const lines = [check("reloads", { ...reload, reloads: 100, shown: 100 }), check("rules", { sets: rules.sets.slice(0, 1) })];
  const targets = judgeFilterChecks(parseMeasurements(lines.join("\n")).checks);
  t.is(stateOf(targets, /reloads/), "no data");
  t.is(stateOf(targets, /compiled/), "no data");
});

test("the table, the checks and the picture show every mode", (t) => {
  const { samples, checks: found } = parseMeasurements([load("nicd-none", 60_000, 16), load("nicd-c", 30_000, 20), ...checks].join("\n"));
  const points = toPoints(samples, "nicd-none");
  t.regex(renderTable(points, [], false, filterLayout), /nicd, C +30,000 +0\.50 × .* 20\.0/);
  const text = renderFilterChecks(found);
  for (const said of [
    /10000 rows in the kernel/,
    /closed: answered 500 in 3\.0 ms/,
    /2000 of 2000 changed/,
    /20 of 20 AssemblyScript/,
    /10000 rules: compiled in 1500 ms/,
  ])
    t.regex(text, said);
  t.is(renderFilterChecks([]), "");
  const svg = renderFilterChart(points, "a < b");
  t.regex(svg, /class="bar nicd alone".*60\.0 k/);
  t.true(svg.includes("a &lt; b"));
  t.false(svg.includes("NaN"));
  t.false(renderFilterChart([], "").includes("NaN"));
});

const verdict = (name: string, passed: boolean) =>
  ({ name, passed, seen: "status=0 | x", expected: "status=1", clause: "proxy_x", authority: "specification" }) as const;

test("conformanceTable() shows what differs, ABI versions alike in one row", (t) => {
  const hosts: HostVerdicts[] = [
    {
      host: "nicd",
      name: "nicd",
      verdicts: [verdict("a-0-1-0/x", true), verdict("a-0-2-1/x", true), verdict("b/y", true), verdict("c/z", false)],
    },
    {
      host: "envoy",
      name: "Envoy 1",
      verdicts: [verdict("a-0-1-0/x", false), verdict("a-0-2-1/x", false), verdict("b/y", true), verdict("c/z", false)],
    },
  ];
  const table = conformanceTable(hosts);
  t.regex(table, /^- nicd: 3 of 4 checks pass\.\n- Envoy 1: 1 of 4 checks pass\.\n/);
  t.regex(table, /\| a\/x \(ABI 0\.1\.0, 0\.2\.1\) \| `status=1` \(specification: proxy_x\) \| as said +\| `status=0 \\\| x` \|/);
  t.notRegex(table, /b\/y/);
  t.deepEqual(differsAlone(hosts), []);
  t.deepEqual(differsAlone(hosts.slice(0, 1)), ["c/z"]);
});

test("conformanceTable() is as Biome's formatter has it", (t) => {
  const long = { ...verdict("long-0-2-1/name-§", false), expected: "x".repeat(120) };
  const table = conformanceTable([{ host: "nicd", name: "nicd", verdicts: [long, verdict("c/z", false)] }]);
  const biome = spawnSync(join(bench, "../node_modules/.bin/biome"), ["format", "--stdin-file-path=conformance.md"], {
    input: table,
    encoding: "utf8",
  });
  t.is(biome.stdout, table, biome.stderr);
});

test("withTable() replaces what is between the markers, and nothing where they are not both there", (t) => {
  const page = readFileSync(join(bench, "../packages/meshfilters/conformance.md"), "utf8");
  const replaced = withTable(page, "new\n")!;
  t.true(replaced.includes("\n\nnew\n\n<!-- end of differences -->"));
  t.is(withTable(replaced, "new\n"), replaced, "twice is once");
  t.is(withTable("no markers", "new"), undefined);
});

test("every example has a line that says what it does, and a case that says what is right", (t) => {
  const cases = readFileSync(join(bench, "lib/filters-examples.ts"), "utf8");
  const sources = globSync(join(bench, "filters/examples/*.as"));
  t.true(sources.length >= 17);
  for (const source of sources) {
    const name = basename(source, ".as");
    t.regex(readFileSync(source, "utf8"), /^\/\/ .+\.\n/, name);
    t.regex(cases, new RegExp(`\\n  "?${name}"?: \\[`), name);
  }
});

for (const script of ["filters.sh", "filters-conformance.sh"])
  test(`${script} says what it does, and refuses what it does not know`, (t) => {
    const call = (...args: string[]) => spawnSync(join(bench, script), args, { encoding: "utf8" });
    t.regex(call("--help").stdout, /^filters.*\n\nusage: bench\/filters/);
    const unknown = call("--fast");
    t.is(unknown.status, 64);
    t.regex(unknown.stderr, /unknown option --fast; see --help/);
  });

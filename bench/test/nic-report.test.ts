import test from "ava";
import type { Target } from "../report/judge.ts";
import { renderNicChart } from "../report/nic-chart.ts";
import { judgeChecks, renderChecks } from "../report/nic-checks.ts";
import { judgeNic, redirectRemarks } from "../report/nic-targets.ts";
import { toPoints } from "../report/points.ts";
import { parseMeasurements } from "../report/samples.ts";
import { nicLayout, renderTable } from "../report/table.ts";

/** One raw line of a load: 1 KiB × 16, `requests` in 1 s, `relayUs` of the relay's CPU each. */
function load(mode: string, requests: number, relayUs: number, fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    phase: "http",
    rep: 1,
    mode,
    size: "1024",
    connections: 16,
    exit: 0,
    wallSeconds: 1,
    cpuSeconds: { server: 0.1, client: 0.1, ...(mode !== "direct" && { relay: (relayUs * requests) / 1e6 }) },
    foreignCpuSeconds: 0,
    stealSeconds: 0,
    segments: 0,
    steady: null,
    output: `{"requests":${requests},"seconds":1,"bytes":1,"meanUs":9,"p50Us":5,"p99Us":50,"errors":0}\n`,
    ...fields,
  });
}

const open = (mode: string, p99Us: number): string =>
  load(mode, 1000, 10, {
    phase: "http-open",
    output: `{"requests":1000,"seconds":1,"bytes":1,"meanUs":9,"p50Us":5,"p99Us":${p99Us},"p999Us":77,"errors":0,"unanswered":0}\n`,
  });

const check = (phase: string, fields: Readonly<Record<string, unknown>>, mode = "nicd"): string =>
  JSON.stringify({ phase, rep: 1, mode, check: fields });

const idle = { connections: 10_000, wanted: 10_000, dead: 0, baseMb: 60, heldMb: 200 };
const body = { baseMb: 60, downPeakMb: 80, upPeakMb: 70, downRight: true, upRight: true };
const slow = { rateMb: 24, baseMb: 60, peakMb: 80, growthMb: 0.5, aheadMb: 20 };
const kill = { connections: 64, workers: 2, killedHeld: 30, lost: 30, elsewhere: 0, later: 3, requests: 1e5 };
const reload = { requests: 1_000_000, failed: 0, unanswered: 0, closed: 0, reloads: 20, seen: "20" };

const judged = (...lines: readonly string[]): readonly Target[] => judgeNic(parseMeasurements(lines.join("\n")));
const stateOf = (targets: readonly Target[], name: RegExp): string | undefined => targets.find((t) => name.test(t.name))?.state;

test("judgeNic() takes an empty run for no data, never for met", (t) => {
  t.deepEqual(new Set(judged().map(({ state }) => state)), new Set(["no data"]));
});

test("judgeNic() compares rates, the relay's CPU and the open loop's p99 inside a repetition", (t) => {
  const peers = [load("envoy", 20_000, 40), load("haproxy", 60_000, 15), open("envoy", 900)];
  const good = judged(...peers, load("nicd", 55_000, 16), open("nicd", 800));
  for (const name of [/plain.*16: req\/s over Envoy/, /plain.*16: req\/s over HAProxy/, /plain.*16: the relay's CPU/, /plain.*16: p99/])
    t.is(stateOf(good, name), "met", String(name));
  t.is(stateOf(good, /redirected.*16: req\/s over Envoy/), "no data");
  t.is(stateOf(good, /plain.*256: req\/s over Envoy/), "no data");
  const bad = judged(...peers, load("nicd", 29_000, 33), open("nicd", 901));
  for (const name of [/plain.*16: req\/s over Envoy/, /plain.*16: req\/s over HAProxy/, /plain.*16: the relay's CPU/, /plain.*16: p99/])
    t.is(stateOf(bad, name), "missed", String(name));
});

test("judgeNic() does not judge what sockhijack did not redirect, and redirectRemarks() names it", (t) => {
  const at = (mode: string, requests: number, redirected: number): string =>
    load(mode, requests, 10, { phase: "redirect", counters: { redirected: redirected * requests } });
  const peers = [at("envoy", 1000, 4), at("haproxy", 1000, 4)];
  t.is(stateOf(judged(...peers, at("nicd", 2000, 4)), /redirected.*16: req\/s over Envoy/), "met");
  const lines = [...peers, at("nicd", 2000, 0)];
  t.is(stateOf(judged(...lines), /redirected.*16: req\/s over Envoy/), "no data");
  const remarks = redirectRemarks(toPoints(parseMeasurements(lines.join("\n")).samples));
  t.is(remarks.length, 1);
  t.regex(remarks[0]!, /nicd × 16/);
});

test("judgeNic() does not take answers with errors for answers", (t) => {
  t.is(stateOf(judged(load("nicd", 10, 9)), /failed or unanswered/), "met");
  const output = `{"requests":10,"seconds":1,"bytes":1,"meanUs":9,"p50Us":5,"p99Us":50,"errors":3}`;
  t.is(stateOf(judged(load("nicd", 10, 9), load("nicd", 10, 9, { rep: 2, output })), /failed or unanswered/), "missed");
});

test("judgeChecks() meets good checks and looks only at nicd's", (t) => {
  const lines = [check("idle", idle), check("body", body), check("slow", slow), check("kill", kill), check("reload", reload)];
  const bad = check("kill", { ...kill, elsewhere: 9 }, "nginx");
  const targets = judgeChecks(parseMeasurements([...lines, bad].join("\n")).checks);
  t.deepEqual(
    targets.filter(({ state }) => state !== "met"),
    [],
  );
  t.is(targets.length, 6);
});

for (const [what, name, line] of [
  ["dead idle connections", /idle/, check("idle", { ...idle, dead: 1 })],
  ["301 MB of idle connections", /idle/, check("idle", { ...idle, heldMb: 301 })],
  ["a wrong byte in a body", /100 MB/, check("body", { ...body, upRight: false })],
  ["a body that piles up on its way up", /100 MB/, check("body", { ...body, upPeakMb: 93 })],
  ["a relay that grows before a slow reader", /growth/, check("slow", { ...slow, growthMb: 8.1 })],
  ["a server that is not held up", /lead/, check("slow", { ...slow, aheadMb: 190 })],
  ["a failure beside the killed worker", /kill/, check("kill", { ...kill, elsewhere: 1 })],
  ["one failed request of a million", /reload/, check("reload", { ...reload, failed: 1 })],
  ["a reload that did not take effect", /reload/, check("reload", { ...reload, seen: "19" })],
] as const)
  test(`judgeChecks() misses the target on ${what}`, (t) => {
    t.is(stateOf(judgeChecks(parseMeasurements(line).checks), name), "missed");
  });

test("judgeChecks() judges the worst repetition", (t) => {
  const lines = [check("slow", { ...slow, growthMb: 20 }), check("slow", slow), check("slow", slow)];
  t.is(stateOf(judgeChecks(parseMeasurements(lines.join("\n")).checks), /growth/), "missed");
});

test("judgeChecks() does not take a quick run's fewer connections and requests for the target", (t) => {
  const lines = [check("idle", { ...idle, wanted: 2000, connections: 2000 }), check("reload", { ...reload, requests: 100_000 })];
  const targets = judgeChecks(parseMeasurements(lines.join("\n")).checks);
  t.is(stateOf(targets, /idle/), "no data");
  t.is(stateOf(targets, /reload/), "no data");
  t.is(stateOf(judgeChecks(parseMeasurements(check("reload", { ...reload, requests: 99, failed: 1 })).checks), /reload/), "missed");
});

test("judgeChecks() has no data on reloads when the load was over before the first", (t) => {
  t.is(stateOf(judgeChecks(parseMeasurements(check("reload", { ...reload, reloads: 0, seen: "0" })).checks), /reload/), "no data");
});

test("renderChecks() names every relay and says what went wrong", (t) => {
  const lines = [
    check("body", { ...body, downRight: false, downProblem: "closed" }),
    check("reload", { ...reload, failed: 7, seen: "" }, "nginx"),
  ];
  const text = renderChecks(parseMeasurements(lines.join("\n")).checks);
  t.regex(text, /nicd +80 MB down, 70 MB up .*NOT the right bytes; closed/);
  t.regex(text, /nginx +7 of 1,000,000 failed over 20 reloads.*did NOT take effect \(no tag\)/);
  t.is(renderChecks([]), "");
});

test("renderTable() shows the relay's share, its load and ratios to Envoy", (t) => {
  const { samples } = parseMeasurements([load("envoy", 20_000, 40), load("nicd", 50_000, 19), load("direct", 80_000, 0)].join("\n"));
  const text = renderTable(toPoints(samples, "envoy"), [], false, nicLayout);
  t.regex(text, /nicd +50,000 +2\.50 × .* 19\.0 +23\.0 +95 %/);
  t.regex(text, /no relay +80,000 +4\.00 ×/);
});

test("renderNicChart() draws a bar for each relay, as long as its share of the greatest", (t) => {
  const { samples } = parseMeasurements([load("envoy", 25_000, 40), load("nicd", 50_000, 10)].join("\n"));
  const svg = renderNicChart(toPoints(samples, "envoy"), "a < b");
  const widths = (relay: string): readonly number[] =>
    [...svg.matchAll(new RegExp(`class="bar ${relay}"[^>]* width="([0-9.]+)"`, "g"))].map((found) => Number(found[1]));
  const [rate, cpu] = widths("nicd");
  const [envoyRate, envoyCpu] = widths("envoy");
  t.true(Math.abs(rate! / envoyRate! - 2) < 0.01);
  t.true(Math.abs(envoyCpu! / cpu! - 4) < 0.01);
  t.true(svg.includes("a &lt; b"));
  t.false(svg.includes("NaN"));
});

test("renderNicChart() says of a bar that its messages went by TCP although they were to be redirected", (t) => {
  const points = toPoints(parseMeasurements([load("nicd", 50_000, 10)].join("\n")).samples, "envoy");
  const chart = (redirected: number): string => {
    const behind = points.map((point) => ({
      ...point,
      phase: "redirect",
      modes: Object.fromEntries(Object.entries(point.modes).map(([mode, figures]) => [mode, { ...figures, counters: { redirected } }])),
    }));
    return renderNicChart(behind, "");
  };
  t.regex(chart(2), /50\.0 k \(partly by TCP\)/);
  t.notRegex(chart(4), /by TCP/);
});

test("renderNicChart() draws a run without any load", (t) => {
  t.false(renderNicChart([], "").includes("NaN"));
});

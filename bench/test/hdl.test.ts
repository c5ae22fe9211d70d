import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { renderHdl } from "../report/hdl-chart.ts";
import { type HdaRow, hdaEngineTable, hdaPanels, hdaProcessTable, hdaTable, hdaTargets, medianRun } from "../report/hdl-hda.ts";
import { parseHdlOptions } from "../report/hdl-run.ts";

const out = { isTTY: false, columns: 200, rows: 50, write: () => true };
const caption = { title: "A & B", note: "less < more.", script: "bench/x.sh" };
const row = (fields: Partial<HdaRow> = {}): HdaRow => ({
  ...{ domain: "Korf 12", way: "asynchronous", engine: "rtl", elements: 16, cost: 45, cycles: 53333, speedUp: 14.51 },
  ...{ stalled: 0.25, idle: 0.045, overhead: 0.055, messagesPerExpansion: 1.94 },
  ...fields,
});
const matches = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

test("parseHdlOptions() reads flags and a bench's own choices, the first being the default", (t) => {
  const choices = { engine: ["rtl", "twin"] };
  const usual = parseHdlOptions([], choices);
  t.like(usual, { quick: false, json: false, strict: false, help: false, own: { engine: "rtl" } });
  t.true(usual.out.endsWith("bench/out"));
  t.like(parseHdlOptions(["--quick", "--engine", "twin", "--out", "/x", "-h"], choices), {
    quick: true,
    out: "/x",
    help: true,
    own: { engine: "twin" },
  });
  t.throws(() => parseHdlOptions(["--engine", "fpga"], choices), { message: "--engine fpga: it is one of rtl, twin" });
  t.throws(() => parseHdlOptions(["--quik"], choices), { message: /--quik/ });
  t.throws(() => parseHdlOptions(["--engine", "rtl"], {}), { message: /--engine/ }, "a bench without that choice");
});

test("runHdlBench() writes JSON and SVG and judges the targets; a wrong option is 2, a MitsuError its own status with its hint", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hdl-bench-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const program = `
    import { runHdlBench } from "${join(import.meta.dirname, "../report/hdl-run.ts")}";
    import { MitsuError } from "${join(import.meta.dirname, "../../packages/cli/src/mod.ts")}";
    process.exitCode = await runHdlBench("demo", "usage: demo\\n", async ({ quick, own }) => {
      if (own.way === "broken") throw new MitsuError("no model", { code: "ERR_HDL_MODEL", hint: "build it", exit: 69 });
      return { targets: [{ target: "quick", measured: 1, met: quick }], rows: [{ a: 1 }], text: "table", svg: "<svg/>" };
    }, { way: ["good", "broken"] });`;
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", program, "--", "demo", "--out", folder, ...args],
      {
        encoding: "utf8",
      },
    );
    return { status, stdout, stderr };
  };
  const missed = run("--strict");
  t.is(missed.status, 1, missed.stderr);
  t.regex(missed.stdout, /^table\nMISSED quick: 1\.00\n.*demo\.svg\n$/);
  t.is(readFileSync(join(folder, "demo.svg"), "utf8"), "<svg/>");
  const json = readdirSync(folder).find((name) => /^demo-\d{4}-.*\.json$/.test(name))!;
  t.like(JSON.parse(readFileSync(join(folder, json), "utf8")), { quick: false, rows: [{ a: 1 }] });
  t.like(run("--strict", "--quick"), { status: 0 });
  t.like(run("--way", "broken"), { status: 69, stderr: "demo: no model\n  hint: build it\n" });
  t.is(run("--nonsense").status, 2);
});

test("renderHdl() escapes, draws each line once and dashes what is dashed, its legend a name each", (t) => {
  const at = [
    [1, 1],
    [2, 4],
  ] as const;
  const panel = {
    title: "P",
    xName: "x",
    yName: "y",
    logarithmic: false,
    lines: [
      { name: "one", at },
      { name: "one", at, dashed: true },
      { name: "two", at },
    ],
  };
  const svg = renderHdl([panel], caption);
  t.regex(svg, /<title>A &amp; B<\/title>/);
  t.regex(svg, /less &lt; more/);
  t.is(matches(svg, /<path class="line [a-z0-9-]+" d="M[\d.]+ [\d.]+L/g), 3);
  t.is(matches(svg, /stroke-dasharray/g), 1);
  t.is(matches(svg, />one<\/text>/g), 1);
  t.is(
    matches(svg, /<path class="[a-z0-9]+" d="/g) + matches(svg, /<path class="side-band" d="/g),
    3 * 2 + 2,
    "a mark a point and one a name",
  );
  t.notRegex(svg, /NaN|undefined|Infinity/);
});

test("renderHdl() puts three panels side by side and four in two rows, and labels the x it is told", (t) => {
  const panel = {
    title: "P",
    xName: "x",
    yName: "y",
    logarithmic: false,
    xTicks: [1, 16],
    lines: [
      {
        name: "l",
        at: [
          [1, 0],
          [8, 5],
          [16, 9],
        ] as const,
      },
    ],
  };
  const placesOf = (count: number) => {
    const svg = renderHdl(new Array(count).fill(panel), caption);
    const places = [...svg.matchAll(/class="head" x="([\d.]+)" y="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
    return {
      svg,
      xs: new Set(places.map(([x]) => x)).size,
      ys: new Set(places.map(([, y]) => y)).size,
      lowest: Math.max(...places.map(([, y]) => y)),
    };
  };
  const [three, four] = [placesOf(3), placesOf(4)];
  t.deepEqual([three.xs, three.ys, four.xs, four.ys], [3, 1, 2, 2]);
  const height = Number(/viewBox="0 0 \d+ (\d+)"/.exec(four.svg)![1]);
  t.true(height > four.lowest + 300);
  t.is(matches(three.svg, /text-anchor="middle">16</g), 3);
  t.is(matches(three.svg, /text-anchor="middle">8</g), 0);
});

test("renderHdl() labels values below 0 too, with room under the lowest mark", (t) => {
  const lines = [
    {
      name: "l",
      at: [
        [1, 0],
        [2, -10],
        [3, 17],
      ] as const,
    },
  ];
  const svg = renderHdl([{ title: "P", xName: "x", yName: "y", logarithmic: false, lines }], caption);
  const ticks = [...svg.matchAll(/y="([\d.]+)" text-anchor="end">(-?\d+)</g)].map(([, y, tick]) => [Number(tick), Number(y)] as const);
  t.deepEqual(
    ticks.map(([tick]) => tick),
    [-10, -5, 0, 5, 10, 15],
  );
  const bottom = 116 + 300;
  t.true(ticks[0]![1] < bottom - 4 && ticks[2]![1] < ticks[0]![1]);
});

test("hdaTable() gives shares as percent and sensitivity only where it was measured", (t) => {
  const text = hdaTable([row(), row({ elements: 1, speedUp: 1 }), row({ sensitivity: { halved: 12, doubled: 14.77, heap: 18.2 } })], out);
  const [head, first, , third] = text.split("\n");
  t.regex(head!, /speed-up +costs × ½ +× 2 +heap +stalled/);
  t.regex(first!, /rtl +16 +45 +53333 +14\.51 +– +– +– +25\.0 % +4\.5 % +5\.5 % +1\.94$/);
  t.regex(third!, /14\.51 +12\.00 +14\.77 +18\.20 +25\.0 %/);
});

test("hdaEngineTable() and hdaProcessTable() show both sides of what they compare", (t) => {
  const engines = hdaEngineTable(
    [{ domain: "Korf 12", elements: 8, rtlCycles: 103655, twinCycles: 103655, rtlMilliseconds: 1892.4, twinMilliseconds: 824 }],
    out,
  );
  t.regex(engines, /Korf 12 +8 +103655 +103655 +1892 +824/);
  const run = {
    domain: "grid",
    way: "blocking",
    elements: 2,
    cost: 414,
    milliseconds: 2000,
    expansions: 10051,
    messages: 18000,
    busy: 0.1,
    stalled: 0.8,
    idle: 0.1,
  } as const;
  t.regex(hdaProcessTable([run], out), /blocking +2 +414 +2000 +10051 +18000 +9\.0 +10\.0 % +80\.0 % +10\.0 %/);
});

test("hdaTargets() wants 12 times one element's speed of 16, at one's cost, for each domain", (t) => {
  const one = row({ elements: 1, speedUp: 1 });
  const met = (rows: readonly HdaRow[]) => hdaTargets(rows, 10).map((target) => target.met);
  t.deepEqual(met([one, row()]), [true]);
  t.deepEqual(met([one, row({ speedUp: 11.99 })]), [false]);
  t.deepEqual(met([one, row({ cost: 47 })]), [false], "another cost");
  t.deepEqual(met([row()]), [false], "nothing to compare with");
  t.deepEqual(met([one, row({ way: "blocking" }), row({ elements: 8 })]), []);
  t.deepEqual(met([one, row(), row({ domain: "grid", elements: 1, cost: 7 }), row({ domain: "grid", cost: 7, speedUp: 3 })]), [
    true,
    false,
  ]);
});

test("hdaPanels() have a solid and a dashed line a domain, by elements", (t) => {
  const rows = ["Korf 12", "grid"].flatMap((domain) =>
    (["asynchronous", "blocking"] as const).flatMap((way) => [1, 16].map((elements) => row({ domain, way, elements }))),
  );
  const panels = hdaPanels(rows);
  t.is(panels.length, 4);
  for (const { lines } of panels) {
    t.deepEqual(
      lines.map(({ name, dashed }) => `${name} ${dashed}`),
      ["Korf 12 false", "Korf 12 true", "grid false", "grid true"],
    );
    t.true(lines.every(({ at }) => at.map(([x]) => x).join() === "1,16"));
  }
  t.deepEqual(panels[1]!.lines[0]!.at[1], [16, 25]);
  t.notRegex(renderHdl(panels, caption), /NaN|undefined/);
});

test("medianRun() is the run in the middle by its time, whole", (t) => {
  const runs = [30, 10, 20].map((milliseconds) => ({ milliseconds, messages: milliseconds * 2 }));
  t.deepEqual(medianRun(runs), { milliseconds: 20, messages: 40 });
});

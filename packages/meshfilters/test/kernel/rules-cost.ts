/**
 * What 10 000 rules in the kernel cost the fast path: round trips over coupled connections, and new connections, with and without them, by turns.
 * As root: `node packages/meshfilters/test/kernel/rules-cost.ts [turns] [--json]`. Exit status 1 where either loses more than `--most` percent.
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { freePort } from "../../../sockhijack/test/kernel/support/free-port.ts";
import { Sandbox } from "../../../sockhijack/test/kernel/support/sandbox.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { buildRules } from "../../src/rules/build-rules.ts";

const clients = 500;
const ports = Array.from({ length: 20 }, (_, at) => 80 + at);
const turns = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 5);
const most = Number(process.argv[process.argv.indexOf("--most") + 1] || Number.NaN);

const server = `require("net").createServer((s) => s.setNoDelay().on("error", () => {}).on("data", (d) => s.write(d))).listen(Number(process.argv[1]), "0.0.0.0", () => console.log("listening"));`;
/** Told `open`, `trips` and `connects`, each with a number, it answers with that number and what it counted in a second. */
const client = `
const net = require("net");
const open = () => new Promise((done, fail) => { const s = net.connect(80, "web.mesh", () => done(s.setNoDelay())); s.on("error", fail); });
let sockets = [];
const does = {
  open: async () => { sockets = await Promise.all(Array.from({ length: 4 }, open)); return 0; },
  trips: async (ms) => {
    let count = 0;
    const begin = performance.now(), end = begin + ms;
    await Promise.all(sockets.map((s) => new Promise((done) => { s.on("data", () => { count++; if (performance.now() < end) s.write("x"); else { s.destroy(); done(); } }); s.write("x"); })));
    return count / (performance.now() - begin) * 1000;
  },
  connects: async (ms) => {
    let count = 0;
    const begin = performance.now();
    while (performance.now() - begin < ms) { (await open()).destroy(); count++; }
    return count / (performance.now() - begin) * 1000;
  },
};
require("readline").createInterface({ input: process.stdin }).on("line", async (line) => { const [what, turn] = line.split(" "); console.log(what + " " + turn + " " + await does[what](1500)); });
console.log("ready");`;

const endings: (() => unknown)[] = [];
const t = { teardown: (end: () => unknown) => void endings.unshift(end), timeout: () => {} } as unknown as ExecutionContext;
const rowsInKernel = async (sandbox: Sandbox): Promise<number> =>
  (await sandbox.status()).placement?.work.find(({ work }) => work === "rules")?.used ?? 0;
const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!;

try {
  const sandbox = new Sandbox(t);
  const list = Array.from({ length: clients }, (_, at) =>
    ports.map((port) => `  - { match: { from: c${at}, port: ${port} }, do: deny }`),
  ).flat();
  const { rules } = await buildRules(sandbox.file("rules.yaml", `version: 1\nservices: web\nrules:\n${list.join("\n")}\n`), {
    backEnds: ["kernel"],
  });
  const file = join(sandbox.directory, "rules.policies.yaml");
  const full = readFileSync(file);
  const none = "version: 1\npolicies: []\n";
  writeFileSync(file, none);
  const [port, ...others] = await Promise.all(ports.map(() => freePort()));
  const names = Array.from({ length: clients }, (_, at) => `  c${at}: {}`).join("\n");
  const mapped = [port, ...others].map((target, at) => `"${ports[at]}:${target}"`).join(", ");
  const daemon = await sandbox.daemon({
    mesh: `version: 1\nservices:\n  web: { ports: [${mapped}] }\n  load: {}\n${names}\n`,
    args: ["--rules", file],
  });
  const serving = sandbox.run("web", [process.execPath, "-e", server, String(port)]);
  await serving.says(/listening/);
  const loading = sandbox.run("load", [process.execPath, "-e", client], { input: "open" });
  await loading.says(/ready/);
  const ask = async (what: string, turn: number): Promise<number> => {
    loading.child.stdin!.write(`${what} ${turn}\n`);
    return Number((await loading.says(new RegExp(`${what} ${turn} (.*)\\n`)))[1]);
  };
  let rows = 0;
  const results: { readonly with: boolean; readonly trips: number; readonly connects: number }[] = [];
  for (let turn = 0; turn < turns * 2; turn++) {
    // Without, with, with, without: what drifts is in both.
    const withRules = ((turn + 1) & 2) !== 0;
    writeFileSync(file, withRules ? full : none);
    daemon.child.kill("SIGHUP");
    await until(withRules ? "rules in the kernel" : "no rules in the kernel", async () => (await rowsInKernel(sandbox)) > 0 === withRules, {
      timeoutMs: 30_000,
    });
    rows = Math.max(rows, await rowsInKernel(sandbox));
    await ask("open", turn);
    await until("coupled connections", async () => (await sandbox.flows()).filter(({ state }) => state === "redirected").length >= 4, {
      timeoutMs: 30_000,
    });
    const trips = await ask("trips", turn);
    const connects = await ask("connects", turn);
    results.push({ with: withRules, trips, connects });
  }
  const of = (withRules: boolean, what: "trips" | "connects"): number =>
    median(results.filter((one) => one.with === withRules).map((one) => one[what]));
  /** Of each pair of neighbours; what the machine does meanwhile is mostly in both. */
  const lost = (what: "trips" | "connects"): number => {
    const pairs = Array.from({ length: turns }, (_, at) => results.slice(2 * at, 2 * at + 2));
    return Number(
      (100 * (1 - median(pairs.map((pair) => pair.find((one) => one.with)![what] / pair.find((one) => !one.with)![what])))).toFixed(2),
    );
  };
  const report = {
    rules: rules.length,
    "rows in the kernel": rows,
    turns,
    "round trips/s without": Math.round(of(false, "trips")),
    "round trips/s with": Math.round(of(true, "trips")),
    "lost [%]": lost("trips"),
    "connects/s without": Math.round(of(false, "connects")),
    "connects/s with": Math.round(of(true, "connects")),
    "connects lost [%]": lost("connects"),
  };
  if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(report)}\n`);
  else console.table([report]);
  if (Number.isFinite(most) && lost("trips") > most) process.exitCode = 1;
} finally {
  for (const end of endings) await end();
}

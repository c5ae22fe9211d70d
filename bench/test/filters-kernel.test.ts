/** How the phase kernel of filters.sh is judged, and its load generator. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { bootstrap } from "../report/bootstrap.ts";
import { judgeKernel, kernelLines, ratioOf } from "../report/filters-kernel.ts";
import { type Block, cpuNs } from "../report/filters-kernel-run.ts";
import { spread } from "../report/points.ts";
import { kernelRun, type Made } from "./kernel-run.ts";

const states = (made: Made): readonly string[] => judgeKernel(kernelRun(made)).map(({ state }) => state);

test("bootstrap() holds the median, is narrower with more values, and says the same twice", (t) => {
  const values = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => Math.sin(at * at));
  const of = (some: readonly number[]) => bootstrap((pick) => spread(pick(some)).median);
  const [few, many] = [of(values(20)), of(values(2000))];
  t.true(few.low <= few.value && few.value <= few.high);
  t.true(many.high - many.low < (few.high - few.low) / 4);
  t.deepEqual(of(values(20)), few);
  t.deepEqual(of([5]), { value: 5, low: 5, high: 5 });
});

test("judgeKernel() meets the target when the whole interval is within 2 %", (t) => {
  t.deepEqual(states({}), ["met", "met"]);
  t.deepEqual(states({ cost: 1.01, noise: 0.005 }), ["met", "met"]);
});

test("judgeKernel() misses it when the whole interval is beyond 2 %", (t) => {
  t.deepEqual(states({ cost: 1.04, noise: 0.005 }), ["missed", "missed"]);
});

test("judgeKernel() does not decide when 2 % lie within the interval", (t) => {
  for (const target of judgeKernel(kernelRun({ cost: 1.02, noise: 0.1 }))) {
    t.is(target.state, "no data");
    t.regex(target.measured, /^not decided: 1\.0\d\d × \(0\.\d+ to 1\.\d+\)$/);
  }
});

test("judgeKernel() does not take one side's slowness for a cost of rules", (t) => {
  t.deepEqual(states({ side: 1.1 }), ["met", "met"]);
  const { value } = ratioOf(kernelRun({ side: 1.1, noise: 0, cost: 1.03 }).pairs, "kept", cpuNs)!;
  t.true(Math.abs(value - 1.03) < 1e-9, String(value));
});

test("judgeKernel() is not moved by a quarter of the pairs being disturbed", (t) => {
  t.deepEqual(states({ disturbed: [0.25, 3], noise: 0.005 }), ["met", "met"]);
});

test("judgeKernel() has no data without both sides, with fewer rules, or without a run", (t) => {
  t.deepEqual(states({ rounds: 1 }), ["no data", "no data"]);
  t.deepEqual(states({ rows: 1000 }), ["no data", "no data"]);
  t.deepEqual(
    judgeKernel(undefined).map(({ state }) => state),
    ["no data", "no data"],
  );
});

test("judgeKernel() misses the target when the messages did not take the fast path", (t) => {
  const [kept, anew] = judgeKernel(kernelRun({ redirected: 0.5 }));
  t.is(kept!.state, "missed");
  t.regex(kept!.measured, /only 50 %/);
  t.is(anew!.state, "met");
});

test("judgeKernel() does not judge a control run, and kernelLines() says what was added and found", (t) => {
  const run = kernelRun({ controlNs: 400, cost: 1.05, noise: 0.005 });
  t.deepEqual(
    judgeKernel(run).map(({ state }) => state),
    ["no data", "no data"],
  );
  t.regex(kernelLines(run).join("\n"), /400 ns more are 1\.050 × a request on a kept connection; found 1\.0[45]\d ×/);
});

test("kernelLines() shows CPU time, ratios and what the programs take", (t) => {
  const text = kernelLines(kernelRun({ disturbed: [0.25, 1] })).join("\n");
  for (const said of [
    /kept connection: 8\.00 µs of CPU without rules, .* [01]\.\d{3} × \(.*\) by 96 pairs/,
    /others had 1 % of that CPU/,
    /new connection .* 45\.00 µs/,
    /coupled after 52 ms \(51 to 53\) without rules, 252 ms \(251 to 253\) with/,
    /redirect: 150 ns a call without rules; with them \+20 ns \(20 to 20 by round\), \+0\.25 %/,
    /connect4: 1000 ns .* \+0\.04 %/,
  ])
    t.regex(text, said);
  t.notRegex(text, /NaN|undefined/);
});

const folder = mkdtempSync(join(tmpdir(), "mitsu-kernel-load-"));
const program = join(folder, "load");
test.before(async () => {
  const source = join(import.meta.dirname, "../lib/filters-kernel-load.c");
  await promisify(execFile)("gcc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", program, source]);
});
test.after.always(() => rmSync(folder, { recursive: true }));

/** Gives the generator some commands against a server that does what `respond` does; its lines, and the connections it made. */
async function load(commands: readonly string[], respond: (socket: Socket, n: number) => void) {
  let [requests, connections] = [0, 0];
  const server = createServer((socket) => {
    connections++;
    socket.on("data", () => respond(socket, ++requests));
    socket.on("error", () => {}); // it resets what it has used up
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const child = spawn(program, ["127.0.0.1", String(port), "/x", "4", String(process.pid), String(process.pid)]);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  child.stdin.on("error", () => {});
  child.stdin.end(commands.map((line) => `${line}\n`).join(""));
  const [exit] = await once(child, "close");
  server.close();
  const blocks = stdout.split("\n").filter(Boolean);
  return { blocks: blocks.map((line) => JSON.parse(line) as Block), stderr, exit, requests, connections };
}

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

test("filters-kernel-load makes exactly the requests and connections it is told, and accounts for each program", async (t) => {
  const got = await load(["kept 50", "new 30", "kept 50", "again 10", "spin 100000", "kept 80"], (socket) => socket.write(answer));
  t.is(got.exit, 0, got.stderr);
  t.is(got.requests, 1 + 50 + 30 + 50 + 10 + 80, "one to learn how long answers are");
  t.is(got.connections, 1 + 4 + 30 + 4);
  const blocks = got.blocks.filter(({ requests }) => requests !== undefined);
  t.deepEqual(
    blocks.map(({ requests }) => requests),
    [50, 30, 50, 10, 80],
  );
  // A tenth of a millisecond each, by the clock: what another program takes of one of them is missing from it.
  t.true(blocks.at(-1)!.clientNs >= 6e6, `${blocks.at(-1)!.clientNs} ns`);
  for (const { wallNs, clientNs, serverNs } of blocks) t.true(clientNs > 0 && serverNs > 0 && wallNs > clientNs);
});

for (const [what, commands, respond, said] of [
  [
    "an answer other than 200",
    ["kept 20"],
    (socket: Socket, n: number) => socket.write(n === 9 ? answer.replace("200", "503") : answer),
    /other than 200/,
  ],
  [
    "a connection that breaks",
    ["kept 20"],
    (socket: Socket, n: number) => void (n === 9 ? socket.destroy() : socket.write(answer)),
    /ended before its answer/,
  ],
  ["an answer without a length", ["kept 1"], (socket: Socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n"), /without Content-Length/],
  ["a command it does not know", ["fast 3"], (socket: Socket) => socket.write(answer), /not a command: fast 3/],
] as const)
  test(`filters-kernel-load fails on ${what}`, async (t) => {
    const got = await load(commands, respond);
    t.not(got.exit, 0);
    t.regex(got.stderr, said);
    t.is(got.blocks.length, 0);
  });

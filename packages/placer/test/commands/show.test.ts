/** `status`, `proposal`, `traffic`, `metrics`, `reload` and `cleanup`, against a control socket with made-up answers. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLog, run, type TestEnvOptions, testEnv } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import { type Handlers, type PlacerProtocol, placer as protocol, serve } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { placer } from "../../src/cli.ts";
import { folderOf } from "../watch/support/fake-sockhijack.ts";
import { proposing } from "../watch/support/status.ts";

async function cli(
  argv: readonly string[],
  options: TestEnvOptions = {},
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const env = testEnv(options);
  const status = await run(placer, argv, env);
  return { status, out: env.out(), err: env.err() };
}

/** Serves answers; the path of the socket. */
async function daemon(t: ExecutionContext, answers: Partial<Handlers<PlacerProtocol>>): Promise<string> {
  const path = join(folderOf(t), "p.sock");
  const refuse = (): never => {
    throw new MitsuError("not asked for in this test", { code: "ERR_TEST" });
  };
  const handlers: Handlers<PlacerProtocol> = {
    status: refuse,
    traffic: refuse,
    proposal: refuse,
    metrics: refuse,
    reload: refuse,
    ...answers,
  };
  const server = await serve({ listen: { path }, daemon: "placer", version: "0.1.0", protocol, log: createLog(testEnv()), handlers });
  t.teardown(() => server.close());
  return path;
}

test("status says what is seen and proposed in whole units; exit status 69 when it is degraded", async (t) => {
  let answer = proposing;
  const socket = await daemon(t, { status: () => answer });
  const well = await cli(["status", "--socket", socket], { now: () => 3_720_000 });
  t.is(well.status, 0);
  t.is(
    well.out,
    [
      "placer 0.1.0, pid 7, up 1h02m",
      "/etc/mitsu/placement.yaml: 3 services, 4 replicas, 2 nodes",
      "estimate: 1 pair, 900 messages/s, 2.00 KiB/s; warm, 2.00 s old",
      "objective: present 0.950, last plan 0.010, proposal 0.020",
      "a plan is proposed for 1m00s (placer proposal): the objective would fall by 0.930",
      "plans: 2 made, 0 failed, 30.0 s; proposals: 1 made, 0 replaced, 0 withdrawn",
      "SOCKHIJACK                  STATE  READINGS  COVERAGE [%]  LAST",
      "/run/mitsu/sockhijack.sock  up          700           100  2.00 s ago",
      "",
    ].join("\n"),
  );
  answer = {
    ...proposing,
    degraded: ["sockhijack at /x is away: gone"],
    unknown: ["stranger\u001b[2J"],
    state: "holding",
    planning: true,
    warm: false,
    estimateAgeMs: null,
    objective: { present: null, plan: null, proposal: null },
    sources: [{ ...proposing.sources[0]!, state: "away", lastReadMs: null }],
  };
  const ill = await cli(["status", "--socket", socket], { now: () => 3_720_000 });
  t.is(ill.status, 69);
  t.regex(ill.out, /not warm yet, no reading yet\nobjective: present -, last plan -, proposal -\n/);
  t.regex(ill.out, /a better plan is known for 1m00s, which is not long enough yet; a plan is being made\n/);
  t.regex(ill.out, /left out, as the problem does not have them: stranger�\[2J\n/);
  t.regex(ill.out, /away +700 +100 +never\nDEGRADED: sockhijack at \/x is away: gone\n$/);
  t.deepEqual(JSON.parse((await cli(["status", "--socket", socket, "--json"])).out), answer);
});

test("proposal writes the plan whole to stdout or a file; nothing, the reason and status 75 when there is none", async (t) => {
  let answer: { plan: string | null; why: string } = { plan: '{"version":1}\n', why: "the objective would fall by 0.930" };
  const socket = await daemon(t, { proposal: () => answer });
  const file = join(folderOf(t), "plan.json");
  t.deepEqual(await cli(["proposal", "--socket", socket]), { status: 0, out: '{"version":1}\n', err: "" });
  const written = await cli(["proposal", "--socket", socket, "-o", file]);
  t.deepEqual(written, { status: 0, out: `${file}: the objective would fall by 0.930\n`, err: "" });
  t.is(readFileSync(file, "utf8"), '{"version":1}\n');
  answer = { plan: null, why: "no sockhijack answers" };
  const none = await cli(["proposal", "--socket", socket, "-o", join(file, "..", "other.json")]);
  t.is(none.status, 75);
  t.is(none.err, "placer: nothing is proposed: no sockhijack answers\n  hint: see placer status\n");
  t.false(existsSync(join(file, "..", "other.json")));
});

test("traffic is a table, the busiest pair first, control characters of names do not reach the terminal", async (t) => {
  const edges = [
    { from: "web", to: "redis", messagesPerSecond: 899.6, bytesPerSecond: 2048 },
    { from: "a\u001b[2J", to: "b", messagesPerSecond: 0.0123, bytesPerSecond: 1.5 },
  ];
  let answer: typeof edges = edges;
  const socket = await daemon(t, { traffic: () => ({ edges: answer }) });
  t.is(
    (await cli(["traffic", "--socket", socket])).out,
    ["FROM   TO     MESSAGES/S  BYTES/S", "web    redis         900     2048", "a�[2J  b           0.012      1.5", ""].join("\n"),
  );
  t.deepEqual(JSON.parse((await cli(["traffic", "--json", "--socket", socket])).out), { edges });
  answer = [];
  t.regex((await cli(["traffic", "--socket", socket])).out, /no service of the problem talks to another/);
});

test("traffic --watch draws until interrupted", async (t) => {
  const drawn = Promise.withResolvers<void>();
  let times = 0;
  const socket = await daemon(t, {
    traffic: () => {
      if (++times === 3) drawn.resolve();
      return { edges: [] };
    },
  });
  const env = testEnv();
  const status = run(placer, ["traffic", "--watch", "--interval-ms", "1", "--socket", socket], env);
  await drawn.promise;
  t.true(env.raise("SIGINT"));
  t.is(await status, 0);
  t.true(env.out().match(/no service/g)!.length >= 2);
});

test("metrics prints the text, reload hands on what is wrong", async (t) => {
  let wrong = false;
  const socket = await daemon(t, {
    metrics: async () => ({ text: "mitsu_placer_edges 1\n" }),
    reload: async () => {
      if (wrong) throw new MitsuError("placement.yaml:3:5: nodes[0].capacity: 4x is no figure", { code: "ERR_PROBLEM_INVALID", exit: 2 });
      return {};
    },
  });
  t.is((await cli(["metrics", "--socket", socket])).out, "mitsu_placer_edges 1\n");
  t.is((await cli(["reload", "--socket", socket])).out, "the problem was read again\n");
  wrong = true;
  const refused = await cli(["reload", "--socket", socket]);
  t.is(refused.status, 2);
  t.regex(refused.err, /placement\.yaml:3:5/);
});

test("every command says how to start a daemon that is not there", async (t) => {
  const socket = join(folderOf(t), "none.sock");
  for (const command of ["status", "proposal", "traffic", "metrics", "reload"]) {
    const { status, err } = await cli([command, "--socket", socket]);
    t.is(status, 69, command);
    t.regex(err, /hint: start it: placer daemon/, command);
  }
});

test("cleanup removes socket, lock and estimate, and leaves what else is in the state's folder", async (t) => {
  const folder = folderOf(t);
  const socket = join(folder, "p.sock");
  mkdirSync(join(folder, "state"));
  const files = [socket, `${socket}.lock`, join(folder, "state/watch.json")];
  for (const path of [...files, join(folder, "state/applied")]) writeFileSync(path, "");
  const argv = ["cleanup", "--socket", socket, "--state", join(folder, "state"), "--json"];
  t.deepEqual(JSON.parse((await cli(argv)).out), { endedDaemon: false, removed: files.toSorted() });
  for (const path of files) t.false(existsSync(path), path);
  t.true(existsSync(join(folder, "state/applied")));
  t.is((await cli(argv.slice(0, -1))).out, "nothing to clean up\n");
});

test("cleanup ends the daemon", async (t) => {
  const folder = folderOf(t);
  const file = join(folder, "placement.yaml");
  writeFileSync(file, "version: 1\nnodes: [{ name: n1, capacity: { cpu: 4 } }]\nservices: [{ name: web }]\n");
  const bin = new URL("../../../../bin/placer", import.meta.url).pathname;
  const [socket, state] = [join(folder, "p.sock"), join(folder, "state")];
  const args = ["daemon", "--problem", file, "--socket", socket, "--state", state, "--sockhijack-socket", join(folder, "none.sock")];
  const child = spawn(bin, args, { stdio: ["ignore", "ignore", "pipe"] });
  t.teardown(() => child.kill("SIGKILL"));
  let said = "";
  for await (const data of child.stderr) {
    said += data;
    if (said.includes(" ready ")) break;
  }
  child.stderr.resume();
  const exited = child.exitCode === null ? once(child, "exit") : [child.exitCode, null];
  const { out } = await cli(["cleanup", "--socket", socket, "--state", state]);
  t.regex(out, /^the daemon has ended\n/);
  t.deepEqual(await exited, [0, null], said);
  t.false(existsSync(join(state, "watch.json")));
});

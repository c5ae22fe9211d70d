/** `nicd daemon --workers 2`, as processes: shared listeners, answers added up, and what happens when one dies. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NicdStatus, nicd } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { freePort } from "../../../sockhijack/test/kernel/support/free-port.ts";
import { Program } from "../../../sockhijack/test/kernel/support/program.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask, askMany } from "./support/ask.ts";
import { Origin, replicas } from "./support/origin.ts";
import { SteadyLoad } from "./support/steady-load.ts";

const bin = new URL("../../../../bin/nicd", import.meta.url).pathname;

interface Daemon {
  readonly program: Program;
  readonly folder: string;
  readonly socket: string;
  readonly port: number;
}

/** Two workers in front of `web`. */
async function start(t: ExecutionContext, mesh: string, args: readonly string[] = []): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), "nicd-w-"));
  const socket = join(folder, "n.sock");
  const port = await freePort();
  writeFileSync(join(folder, "mesh.yaml"), mesh);
  const own = [
    "--socket",
    socket,
    "--config",
    join(folder, "mesh.yaml"),
    "--sockhijack",
    "off",
    "--replicad",
    "off",
    "--listen",
    `127.0.0.1:${port}=web`,
  ];
  const program = new Program([bin, "daemon", ...own, "--workers", "2", ...args]);
  t.teardown(async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await program.says(/\bready\b[^\n]*n\.sock["\s]/);
  return { program, folder, socket, port };
}

async function status(socket: string): Promise<NicdStatus> {
  using client = await connect(socket, nicd);
  return await client.call("status", {});
}

const pids = async (daemon: Daemon): Promise<number[]> => {
  const each = await Promise.all([0, 1].map((number) => status(`${daemon.socket}.${number}`)));
  return each.map(({ pid }) => pid);
};

/** Established connections that this process has accepted at the port. */
const accepted = async (daemon: Daemon): Promise<number[]> => {
  const each = await Promise.all([0, 1].map((number) => status(`${daemon.socket}.${number}`)));
  return each.map(({ connections }) => connections.http);
};

/** Nobody listens there. */
function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", () => resolve(true));
  });
}

const mesh = (origin: Origin): string => `version: 1\nservices:\n  web: { ports: [80], tracing: header, replicas: ${replicas(origin)} }\n`;
const ok = (answer: string): boolean => /^HTTP\/1\.1 200 [\s\S]*\r\n\r\na$/.test(answer);

test("both workers get connections; status, metrics, clusters, top and traces are the sums of theirs", async (t) => {
  t.timeout(60_000);
  const daemon = await start(t, mesh(await Origin.start(t, "a")));
  const load = new SteadyLoad(daemon.port, 32, ok);
  await until("both have connections", async () => (await accepted(daemon)).every((count) => count > 0));
  await until("requests", () => load.requests > 500);
  const report = await load.stop();
  t.deepEqual({ wrong: report.wrong, broken: report.broken }, { wrong: [], broken: 0 });

  const whole = await status(daemon.socket);
  const parts = await Promise.all([0, 1].map((number) => status(`${daemon.socket}.${number}`)));
  t.is(whole.requests, report.requests, "status");
  t.is(whole.requests, parts[0]!.requests + parts[1]!.requests, "status of both workers");
  t.is(whole.spoken.http1, 32);
  t.is(whole.workers, 2);
  t.deepEqual(whole.degraded, []);

  using client = await connect(daemon.socket, nicd);
  const { text } = await client.call("metrics", {});
  const counted = [...text.matchAll(/^istio_requests_total\{reporter="destination".*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
  t.is(counted, report.requests, "metrics");
  t.is(text.match(/^# TYPE istio_requests_total counter$/gm)?.length, 1);
  t.regex(text, /^mitsu_nicd_accepted_total\{protocol="http1"\} 32$/m);
  const { clusters } = await client.call("clusters", {});
  // Beside one for each request and retry: a kept connection that the origin had given up is noticed by a try, which is made again on a new one.
  const stale = clusters[0]!.endpoints[0]!.requests - report.requests - whole.retries;
  t.true(stale >= 0 && stale <= 32, `${stale} tries on connections that were gone`);
  t.is(
    (await client.call("requests", {})).series.reduce((sum, { requests }) => sum + requests, 0),
    report.requests,
  );
  const { traces } = await client.call("traces", { limit: 5 });
  t.is(traces.length, 5);
});

test("one trace whose requests passed both workers is one trace", async (t) => {
  t.timeout(60_000);
  const daemon = await start(t, mesh(await Origin.start(t, "a")));
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  await until("both workers had some", async () => {
    await ask(daemon.port, "/", { headers });
    const each = await Promise.all([0, 1].map((number) => status(`${daemon.socket}.${number}`)));
    return each.every(({ requests }) => requests > 0);
  });
  using client = await connect(daemon.socket, nicd);
  const { traces } = await client.call("traces", { limit: 10 });
  t.is(traces.length, 1);
  t.is(traces[0]!.exchanges.length, (await client.call("status", {})).requests);
  const starts = traces[0]!.exchanges.map(({ startNs }) => BigInt(startNs));
  t.deepEqual(
    starts,
    starts.toSorted((a, b) => (a < b ? -1 : 1)),
  );
});

test("kill -9 of a worker under load: the other keeps every connection, and another takes its place", async (t) => {
  t.timeout(60_000);
  const daemon = await start(t, mesh(await Origin.start(t, "a")));
  const [, victim] = await pids(daemon);
  const load = new SteadyLoad(daemon.port, 32, ok);
  await until("both have connections", async () => (await accepted(daemon)).every((count) => count > 0));
  const [kept, lost] = await accepted(daemon);
  process.kill(victim!, "SIGKILL");
  await until("the other goes on", async () => (await status(`${daemon.socket}.0`)).connections.http === kept);
  const degraded = await until("status says so", async () => (await status(daemon.socket)).degraded[0]);
  t.regex(degraded, /1 of 2 workers/);
  await until("it is there again", async () => (await status(daemon.socket)).degraded.length === 0, { timeoutMs: 20_000 });
  const [, next] = await pids(daemon);
  t.not(next, victim);
  const before = load.requests;
  await until("requests go on", () => load.requests > before + 200);
  t.is((await accepted(daemon))[0], kept);
  const report = await load.stop();
  t.deepEqual(report.wrong, []);
  t.is(report.broken, lost!, "only the connections of the one that was killed");
  t.is((await Promise.all((await askMany(daemon.port, 50)).map(({ status: code }) => code))).filter((code) => code !== 200).length, 0);
});

test("a reload reaches both workers, a bad one neither", async (t) => {
  t.timeout(60_000);
  const origin = await Origin.start(t, "a");
  const daemon = await start(t, mesh(origin));
  const file = join(daemon.folder, "mesh.yaml");
  using client = await connect(daemon.socket, nicd);
  writeFileSync(file, mesh(origin).replace("tracing: header", "routes: [{ respond: { status: 200, body: new } }]"));
  await client.call("reload", {});
  for (const { body } of await Promise.all(Array.from({ length: 20 }, () => ask(daemon.port)))) t.is(body, "new\n");
  writeFileSync(file, "version: 1\nservices:\n  web: { ports: [80], routes: [{ to: wbe }] }\n");
  await t.throwsAsync(client.call("reload", {}), { message: /mesh\.yaml:3:/ });
  for (const { body } of await Promise.all(Array.from({ length: 20 }, () => ask(daemon.port)))) t.is(body, "new\n");
});

test("SIGTERM lets requests on both workers end; nothing is left running, and no socket", async (t) => {
  t.timeout(60_000);
  const held: (() => void)[] = [];
  const slow = await Origin.start(t, "slow", (_, response) => void held.push(() => response.end("slow")));
  const daemon = await start(t, mesh(slow));
  const workers = await pids(daemon);
  const asked = Array.from({ length: 16 }, () => ask(daemon.port));
  await until("all are there", () => held.length === 16);
  const ended = daemon.program.stop();
  await until("nothing is accepted", () => refuses(daemon.port));
  for (const end of held) end();
  for (const { body } of await Promise.all(asked)) t.is(body, "slow");
  const { status: code } = await ended;
  t.is(code, 0);
  for (const pid of workers) t.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  await t.throwsAsync(status(`${daemon.socket}.0`), { code: "ERR_DAEMON_DOWN" });
});

test("a service manager that sends SIGTERM to the workers too cuts no request off", async (t) => {
  t.timeout(60_000);
  const held: (() => void)[] = [];
  const slow = await Origin.start(t, "slow", (_, response) => void held.push(() => response.end("slow")));
  const daemon = await start(t, mesh(slow));
  const asked = Array.from({ length: 8 }, () => ask(daemon.port));
  await until("all are there", () => held.length === 8);
  for (const pid of [...(await pids(daemon)), daemon.program.pid]) process.kill(pid, "SIGTERM");
  await until("nothing is accepted", () => refuses(daemon.port));
  for (const end of held) end();
  for (const { body } of await Promise.all(asked)) t.is(body, "slow");
  const { status: code, stderr } = await daemon.program.ended;
  t.is(code, 0);
  t.notRegex(stderr, /started again|cannot be started/);
});

test("kill -9 of the daemon ends its workers, so that the next one finds its port free", async (t) => {
  t.timeout(60_000);
  const daemon = await start(t, mesh(await Origin.start(t, "a")));
  const workers = await pids(daemon);
  await daemon.program.stop("SIGKILL");
  for (const pid of workers) {
    await until("the worker has ended", () => {
      try {
        return readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z");
      } catch {
        return true;
      }
    });
  }
  await t.throwsAsync(ask(daemon.port), { code: "ECONNREFUSED" });
});

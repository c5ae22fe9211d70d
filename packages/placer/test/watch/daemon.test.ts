/** The daemon as a process of its own, with a made-up sockhijack. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { bin, Daemon, twoServices } from "./support/daemon.ts";
import { FakeSockhijack, folderOf } from "./support/fake-sockhijack.ts";

/** Fast enough for a test: a reading every 50 ms. */
const fast = ["--interval", "0.05", "--half-life", "1", "--hold", "0.5"];

/** A sockhijack whose client says 1000 messages a second to web, until the test ends. */
async function talking(t: ExecutionContext): Promise<{ folder: string; sockhijack: FakeSockhijack }> {
  const folder = folderOf(t);
  const sockhijack = new FakeSockhijack(t, join(folder, "s.sock"));
  await sockhijack.start();
  const timer = setInterval(() => sockhijack.count("client", "web", 20), 20);
  t.teardown(() => clearInterval(timer));
  return { folder, sockhijack };
}

test("daemon sees traffic between nodes, proposes to put both ends together, and the proposal survives kill -9", async (t) => {
  const { folder, sockhijack } = await talking(t);
  const first = await Daemon.start(t, { folder, flags: fast });
  const { plan } = await until("a proposal", async () => ((answer) => answer.plan !== null && answer)(await first.proposal()), {
    timeoutMs: 30_000,
    seen: () => first.log,
  });
  const { assignment, problem } = JSON.parse(plan!) as { assignment: Record<string, string>; problem: { file: string; sha256: string } };
  t.is(assignment["client-0"], assignment["web-0"]);
  t.is(problem.file, first.problem);
  t.regex(problem.sha256, /^[0-9a-f]{64}$/);
  const status = await first.status();
  t.like(status, { state: "proposed", proposed: 1, withdrawn: 0, degraded: [], warm: true, edges: 1 });
  t.true(status.messagesPerSecond > 300 && status.messagesPerSecond < 2000, `${status.messagesPerSecond}`);
  t.true(status.proposalGain! > 0.9);

  await until("the proposal is kept", () => readFileSync(join(first.state, "watch.json"), "utf8").includes('"proposal":{'));
  first.kill("SIGKILL");
  t.is(await first.exited, "SIGKILL");
  await sockhijack.stop();
  const second = await Daemon.start(t, { folder, flags: fast });
  t.is((await second.proposal()).plan, plan);
  await until("it is told that sockhijack is away", async () => (await second.status()).degraded[0]?.includes("is away"));
  await sockhijack.start();
  await until("sockhijack is up again", async () => (await second.status()).degraded.length === 0);
  t.is(await second.stop(), 0);
  t.is(statSync(second.state).mode & 0o777, 0o750);
});

test("SIGHUP takes a new problem over; one that is wrong is named with its line, and the old one stays", async (t) => {
  const daemon = await Daemon.start(t, { folder: folderOf(t) });
  writeFileSync(daemon.problem, twoServices.replace("cpu: 4", "cpu: four"));
  const refused = await daemon.reload();
  t.regex(refused, /reload failed, the old configuration stays.*placement\.yaml:2:/s);
  t.is((await daemon.status()).problem.nodes, 2);
  writeFileSync(daemon.problem, twoServices.replace("nodes: [", "nodes: [{ name: n3, capacity: { cpu: 1 } }, "));
  await daemon.reload();
  t.is((await daemon.status()).problem.nodes, 3);
  t.is(await daemon.stop(), 0);
  t.false(existsSync(daemon.socket));
});

for (const [what, flags, problem, status, says, problemFile] of [
  ["a problem that is wrong", [], twoServices.replace("web-0: n2", "web-0: n9"), 2, /placement\.yaml:4:\d+: .*n9/],
  ["no problem at all", [], twoServices, 2, /none\.yaml/, "/none.yaml"],
  ["a threshold that is no share", ["--threshold", "0"], twoServices, 2, /--threshold 0: above 0, to 1 is needed/],
  ["an interval that is none", ["--interval", "0"], twoServices, 2, /--interval 0: /],
  ["a half-life below the interval", ["--half-life", "1"], twoServices, 2, /--half-life 1: at least --interval/],
  ["a budget without a unit", ["--budget", "5"], twoServices, 2, /--budget 5: "5" is neither moves=N nor bytes=B/],
  ["stdin as the problem", [], twoServices, 2, /--problem -: a file/, "-"],
] as const) {
  test(`daemon refuses ${what}, names it, and leaves nothing`, async (t) => {
    const daemon = new Daemon(t, { folder: folderOf(t), problem, flags, ...(problemFile ? { problemFile } : {}) });
    t.is(await daemon.exited, status, daemon.log);
    t.regex(daemon.log, says);
    t.false(existsSync(daemon.socket));
    t.false(existsSync(daemon.state));
  });
}

test("a second daemon at the same control socket is refused, and the first goes on", async (t) => {
  const folder = folderOf(t);
  const first = await Daemon.start(t, { folder });
  const second = new Daemon(t, { folder });
  t.is(await second.exited, 75, second.log);
  t.regex(second.log, new RegExp(`a daemon with pid ${first.pid} already serves`));
  t.is((await first.status()).pid, first.pid);
});

test("daemon takes its control socket from systemd, leaves its file there, and tells when it is ready, reloads, lives and stops", async (t) => {
  const folder = folderOf(t);
  const [socket, notify] = [join(folder, "placer.sock"), join(folder, "notify")];
  /** Does what systemd does: opens the control socket as descriptor 3, takes notes, says so in the environment, and becomes the daemon. */
  const systemd = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="control", NOTIFY_SOCKET=sys.argv[2], WATCHDOG_USEC="200000", WATCHDOG_PID=str(os.getpid()))
n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); n.bind(sys.argv[2]); n.settimeout(30)
if os.fork() == 0:
  os.close(3); s.detach()
  with open(sys.argv[2] + ".txt", "a", buffering=1) as notes:
    while True:
      text = n.recv(4096).decode(); notes.write(text + "\\n")
      if "STOPPING=1" in text: os._exit(0)
n.close()
os.execv(sys.argv[3], sys.argv[3:])
`;
  const daemon = await Daemon.start(t, { folder, by: ["python3", "-c", systemd, socket, notify] });
  const told = (): string => readFileSync(`${notify}.txt`, "utf8");
  t.is((await daemon.status()).pid, daemon.pid);
  t.false(existsSync(`${socket}.lock`));
  await until("the watchdog is told twice", () => (told().match(/WATCHDOG=1/g)?.length ?? 0) >= 2);
  await daemon.reload();
  t.is(await daemon.stop(), 0);
  t.true(existsSync(socket));
  await until("the end is told", () => /STOPPING=1/.test(told()));
  t.regex(told(), /STATUS=2 services, 2 replicas, 2 nodes of /);
  t.regex(told(), /READY=1[\s\S]*RELOADING=1[\s\S]*READY=1[\s\S]*STOPPING=1/);
});

test("placer metrics and --metrics say the same, for Prometheus", async (t) => {
  const { folder } = await talking(t);
  const daemon = await Daemon.start(t, { folder, flags: [...fast, "--metrics", "127.0.0.1:0"] });
  await until("a reading", async () => (await daemon.status()).sources[0]!.readings > 2);
  const [, port] = /serving metrics.*port=(\d+)/.exec(daemon.log) ?? [];
  const served = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const printed = spawnSync(bin, ["metrics", "--socket", daemon.socket], { encoding: "utf8" });
  t.is(printed.status, 0, printed.stderr);
  for (const text of [served, printed.stdout]) {
    t.regex(text, /^mitsu_placer_edges 1$/m);
    t.regex(text, /^mitsu_placer_source_up\{socket=".*s\.sock"\} 1$/m);
  }
  const checked = spawnSync("sh", ["-c", "command -v promtool >/dev/null && promtool check metrics || cat >/dev/null"], {
    input: served,
    encoding: "utf8",
  });
  t.is(checked.status, 0, checked.stderr);
});

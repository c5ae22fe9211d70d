/** Cgroups of both versions, as trees of files and as readings by hand. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { type CgroupReading, readCgroup } from "../../src/profile/cgroup-reading.ts";
import { type CgroupTarget, observeCgroups, parseCgroupTarget, sampleIntervalMs } from "../../src/profile/cgroup-source.ts";
import type { Observation } from "../../src/profile/observation.ts";

const root = mkdtempSync(join(tmpdir(), "mitsu-cgroup-"));
test.after.always(() => rmSync(root, { recursive: true, force: true }));

function tree(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

test("readCgroup() reads v2, with and without a quota", (t) => {
  tree({
    "v2/web/cpu.stat": "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\nnr_periods 9\nnr_throttled 4\nthrottled_usec 100\n",
    "v2/web/memory.current": "4096\n",
    "v2/bare/cpu.stat": "usage_usec 7\nuser_usec 7\nsystem_usec 0\n",
  });
  t.deepEqual(readCgroup(join(root, "v2/web")), { cpuUs: 1_500_000, memory: 4096, throttled: 4 });
  t.deepEqual(readCgroup(join(root, "v2/bare")), { cpuUs: 7, memory: null, throttled: null });
});

test("readCgroup() reads v1 by the path of any controller", (t) => {
  tree({
    "v1/cpu,cpuacct/web/cpuacct.usage": "2000000000\n",
    "v1/cpu,cpuacct/web/cpu.stat": "nr_periods 10\nnr_throttled 3\nthrottled_time 5\n",
    "v1/memory/web/memory.usage_in_bytes": "8192\n",
    "apart/cpuacct/web/cpuacct.usage": "1000\n",
    "apart/cpu/web/cpu.stat": "nr_periods 1\nnr_throttled 1\nthrottled_time 5\n",
    "apart/memory/web/memory.usage_in_bytes": "1\n",
  });
  const both = { cpuUs: 2_000_000, memory: 8192, throttled: 3 };
  t.deepEqual(readCgroup(join(root, "v1/memory/web")), both);
  t.deepEqual(readCgroup(join(root, "v1/cpu,cpuacct/web")), both);
  t.deepEqual(readCgroup(join(root, "apart/cpuacct/web")), { cpuUs: 1, memory: 1, throttled: 1 });
});

test("readCgroup() has nothing of a folder without figures, or of rubbish", (t) => {
  tree({ "none/cgroup.procs": "", "rubbish/cpu.stat": "usage_usec lots\n", "rubbish/memory.usage_in_bytes": "-1\n" });
  t.is(readCgroup(join(root, "none")), null);
  t.is(readCgroup(join(root, "rubbish")), null);
  t.is(readCgroup(join(root, "not/there")), null);
});

/** Measures on a clock by hand: each pause takes its time, and readings follow the time. */
async function measure(
  targets: readonly CgroupTarget[],
  readingAt: (path: string, second: number) => CgroupReading | null,
  { seconds = 10, abortAt = Number.POSITIVE_INFINITY } = {},
): Promise<Observation> {
  let ms = 0;
  const controller = new AbortController();
  return await observeCgroups(targets, {
    seconds,
    nowNs: () => BigInt(Math.round(ms * 1e6)),
    read: (path) => readingAt(path, ms / 1000),
    pause: async (pauseMs) => {
      ms += pauseMs;
      if (ms / 1000 >= abortAt) controller.abort();
    },
    signal: controller.signal,
    progress: () => {},
  });
}

/** CPU demand of the first service, without what sums of floating-point numbers leave. */
function rounded({ services }: Observation): unknown {
  return Object.fromEntries(Object.entries(services[0]!.demand.cpu!).map(([name, value]) => [name, Number((value as number).toFixed(9))]));
}

const web: CgroupTarget = { service: "web", path: "/a" };

test("observeCgroups() takes mean and percentiles of the cores between samples", async (t) => {
  // Half a core in nine seconds, three in the tenth.
  const cpuUs = (second: number): number => (second <= 9 ? second * 0.5e6 : 4.5e6 + (second - 9) * 3e6);
  const found = await measure([web], (_path, second) => ({ cpuUs: cpuUs(second), memory: 1000 + second * 100, throttled: 0 }));
  const { demand, replicas } = found.services[0]!;
  const near = (value: number, expected: number): boolean => t.true(Math.abs(value - expected) < 1e-6, `${value} is not ${expected}`);
  t.is(replicas, 1);
  near(demand.cpu!.mean, 0.75);
  near(demand.cpu!.p50, 0.5);
  near(demand.cpu!.p95, 3);
  near(demand.cpu!.p99, 3);
  near(demand.memory!.p50, 1500);
  near(demand.memory!.p99, 1990);
  t.like(found, { records: 100, skipped: 0, notices: [], kind: "count", seconds: 10 });
});

test("observeCgroups() takes several paths of a service as its replicas", async (t) => {
  const found = await measure([web, { service: "web", path: "/b" }], (path, second) => ({
    cpuUs: second * (path === "/a" ? 1e6 : 3e6),
    memory: null,
    throttled: null,
  }));
  t.is(found.services.length, 1);
  t.is(found.services[0]!.replicas, 2);
  t.like(rounded(found), { mean: 2, p50: 1, p95: 3 });
  t.is(found.services[0]!.demand.memory, undefined);
});

test("observeCgroups() keeps what was measured of a cgroup that vanishes, and tells when", async (t) => {
  const found = await measure([web, { service: "db", path: "/b" }], (path, second) =>
    path === "/a" && second > 4 ? null : { cpuUs: second * 1e6, memory: 5, throttled: null },
  );
  t.is(found.services.length, 2);
  t.is(found.services[0]!.demand.cpu!.p50, 1);
  t.regex(found.notices.join("\n"), /web: \/a vanished after 4\.1 s; what was measured until then is kept/);
});

test("observeCgroups() ends once all have vanished", async (t) => {
  t.true((await measure([web], (_path, second) => (second > 1 ? null : { cpuUs: 1, memory: 1, throttled: null }))).seconds < 1.2);
});

test("observeCgroups() leaves out the time in which a cgroup was made anew, and tells throttling", async (t) => {
  const found = await measure([web], (_path, second) => ({
    cpuUs: (second < 5 ? second : second - 5) * 1e6,
    memory: 1,
    throttled: Math.floor(second),
  }));
  t.like(rounded(found), { p50: 1, p99: 1 });
  t.regex(found.notices.join("\n"), /held back by its CPU quota in 10 periods/);
});

test("observeCgroups() ends early when interrupted, and says how long it measured", async (t) => {
  const found = await measure([web], (_path, second) => ({ cpuUs: second * 1e6, memory: 1, throttled: null }), { abortAt: 3 });
  t.is(found.seconds, 3);
  t.is(found.services[0]!.demand.cpu!.mean, 1);
});

test("observeCgroups() leaves out a path that is none, and refuses when all are none", async (t) => {
  const some = await measure([web, { service: "x", path: "/none" }], (path) =>
    path === "/none" ? null : { cpuUs: 1, memory: 1, throttled: null },
  );
  t.is(some.skipped, 1);
  t.regex(some.notices[0]!, /x: \/none is no cgroup/);
  const error = await t.throwsAsync<MitsuError>(measure([web], () => null));
  t.is(error?.code, "ERR_CGROUP_MISSING");
});

test("parseCgroupTarget() splits at the first =, and refuses the rest", (t) => {
  t.deepEqual(parseCgroupTarget("web=/sys/fs/cgroup/a=b"), { service: "web", path: "/sys/fs/cgroup/a=b" });
  for (const text of ["web", "=/a", "web=", "web=a/b"]) t.is(t.throws<MitsuError>(() => parseCgroupTarget(text))?.exit, 2, text);
});

test("sampleIntervalMs() is 100 ms to a second", (t) => {
  t.deepEqual([0.5, 10, 30, 1000].map(sampleIntervalMs), [100, 100, 300, 1000]);
});

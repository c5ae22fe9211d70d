import { rmSync } from "node:fs";
import test from "ava";
import { figure, NodeState } from "../../src/bus/node-state.ts";
import { CgroupCpu } from "../../src/signals/cgroup-cpu.ts";
import { cgroupFiles } from "../../src/signals/cgroup-files.ts";
import { ByteScan, KeptFile, label } from "../../src/signals/kept-file.ts";
import { MemoryPressure } from "../../src/signals/memory-pressure.ts";
import { NicQueue } from "../../src/signals/nic-queue.ts";
import { NodeSignals } from "../../src/signals/node-signals.ts";
import { Psi } from "../../src/signals/psi.ts";
import { RunQueue } from "../../src/signals/run-queue.ts";
import { procFolder } from "./proc-folder.ts";

const psi = (some: number, full: number): string =>
  `some avg10=1.50 avg60=0.00 avg300=0.00 total=${some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=${full}\n`;

test("ByteScan finds labels and numbers, and stays where there is none", (t) => {
  const scan = new ByteScan(new TextEncoder().encode("a 12\nbb\t 0ff x\n"));
  scan.reset(scan.bytes.length);
  t.true(scan.past(label("a")));
  t.is(scan.decimal(), 12);
  t.false(scan.past(label("zz")));
  t.is(scan.decimal(), Number.NaN);
  t.true(scan.nextLine());
  t.true(scan.past(label("bb")));
  t.is(scan.hex(), 255);
  t.false(scan.nextLine());
});

test("KeptFile names what it cannot read, and tries again after ten seconds only", (t) => {
  const proc = procFolder(t);
  const file = new KeptFile(`${proc.path}/late`, 10);
  t.is(file.read(0), 0);
  t.is(file.missing, `cannot read ${proc.path}/late: ENOENT`);
  proc.write("late", "12345");
  t.is(file.read(9000), 0);
  t.is(file.read(10_000), 5);
  t.is(file.missing, null);
  rmSync(`${proc.path}/late`);
  t.is(file.read(10_001), 5);
  file.close();
});

test("KeptFile tells of a file that opens but cannot be read, as PSI that is switched off", (t) => {
  const file = new KeptFile("/proc/self", 10);
  t.is(file.read(0), 0);
  t.is(file.missing, "cannot read /proc/self: EISDIR");
});

test("Psi makes shares of the totals' differences, over 20 ms or more", (t) => {
  const proc = procFolder(t);
  const path = proc.write("cpu", psi(1000, 100));
  const signal = new Psi(path);
  t.teardown(() => signal.close());
  signal.sample(0);
  t.is(signal.someShare, Number.NaN);
  proc.write("cpu", psi(6000, 2100));
  signal.sample(10);
  t.is(signal.someShare, Number.NaN);
  signal.sample(20);
  t.is(signal.someShare, 0.25);
  t.is(signal.fullShare, 0.1);
  proc.write("cpu", psi(106_000, 2100));
  signal.sample(40);
  t.is(signal.someShare, 1);
  t.is(signal.fullShare, 0);
});

test("Psi knows no full share where the kernel has no such line, and none of a missing file", (t) => {
  const proc = procFolder(t);
  const path = proc.write("cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
  const signal = new Psi(path);
  t.teardown(() => signal.close());
  signal.sample(0);
  signal.sample(20);
  t.is(signal.someShare, 0);
  t.is(signal.fullShare, Number.NaN);
  const none = new Psi(`${proc.path}/none`);
  none.sample(0);
  t.is(none.someShare, Number.NaN);
  t.regex(none.degraded()!, /none: ENOENT; PSI is not known/);
});

test("RunQueue counts without itself, and knows nothing of garbage", (t) => {
  const proc = procFolder(t);
  const path = proc.write("loadavg", "0.20 0.18 0.12 13/80 11206\n");
  const signal = new RunQueue(path);
  t.teardown(() => signal.close());
  signal.sample(0);
  t.is(signal.tasks, 12);
  proc.write("loadavg", "what is this");
  signal.sample(1);
  t.is(signal.tasks, Number.NaN);
});

test("CgroupCpu smoothes the share of throttled periods, of either version of cgroups", (t) => {
  for (const stat of [
    (periods: number, held: number) =>
      `usage_usec 5\nuser_usec 5\nsystem_usec 0\nnr_periods ${periods}\nnr_throttled ${held}\nthrottled_usec 9\n`,
    (periods: number, held: number) => `nr_periods ${periods}\nnr_throttled ${held}\nthrottled_time 9\n`,
  ]) {
    const proc = procFolder(t);
    const signal = new CgroupCpu(proc.write("cpu.stat", stat(100, 50)));
    signal.sample(0);
    t.is(signal.throttledShare, 0);
    proc.write("cpu.stat", stat(101, 51));
    signal.sample(100);
    t.true(Math.abs(signal.throttledShare - 0.2) < 1e-9);
    proc.write("cpu.stat", stat(201, 151));
    signal.sample(200);
    t.true(signal.throttledShare > 0.99);
    t.is(signal.degraded(), null);
    signal.close();
  }
});

test("CgroupCpu forgets throttling once nothing runs in the cgroup and so no period passes", (t) => {
  const proc = procFolder(t);
  const path = proc.write("cpu.stat", "nr_periods 0\nnr_throttled 0\n");
  const signal = new CgroupCpu(path);
  t.teardown(() => signal.close());
  signal.sample(0);
  proc.write("cpu.stat", "nr_periods 100\nnr_throttled 100\n");
  signal.sample(1000);
  t.true(signal.throttledShare > 0.99);
  signal.sample(1150);
  t.true(signal.throttledShare > 0.99, "a period may be under way");
  for (let ms = 1200; ms <= 4000; ms += 50) signal.sample(ms);
  t.true(signal.throttledShare < 0.01, `${signal.throttledShare}`);
});

test("cgroupFiles() finds pressure and throttling of a cgroup in whichever version has them", (t) => {
  const proc = procFolder(t);
  proc.write("v2/node/cpu.stat", "usage_usec 5\n");
  proc.write("v2/node/cpu.pressure", psi(0, 0));
  proc.write("cpu/node/cpu.stat", "nr_periods 1\nnr_throttled 0\n");
  const [v2, cpu] = [`${proc.path}/v2`, `${proc.path}/cpu`];
  const mounts = `cgroup ${cpu} cgroup rw,cpu,cpuacct 0 0\ncgroup2 ${v2} cgroup2 rw 0 0\n`;
  const both = { throttling: `${cpu}/node/cpu.stat`, pressure: `${v2}/node` };
  t.deepEqual(cgroupFiles(`${v2}/node`, mounts), both);
  t.deepEqual(cgroupFiles(`${cpu}/node`, mounts), both);
  t.deepEqual(cgroupFiles(`${v2}/node`, ""), { throttling: `${v2}/node/cpu.stat`, pressure: `${v2}/node` });
  t.deepEqual(cgroupFiles(`${v2}/none`, mounts), { throttling: `${v2}/none/cpu.stat`, pressure: null });
});

test("CgroupCpu says when the cgroup has no cpu controller", (t) => {
  const proc = procFolder(t);
  const signal = new CgroupCpu(proc.write("cpu.stat", "usage_usec 5\n"));
  signal.sample(0);
  t.is(signal.throttledShare, Number.NaN);
  t.regex(signal.degraded()!, /has no nr_throttled/);
  signal.close();
});

test("MemoryPressure is of the machine, or of a cgroup with and without a limit", (t) => {
  const proc = procFolder(t);
  const machine = new MemoryPressure(proc.write("meminfo", "MemTotal:  1000 kB\nMemFree:  1 kB\nMemAvailable:   250 kB\n"));
  machine.sample(0);
  t.is(machine.usedShare, 0.75);
  const group = new MemoryPressure(proc.write("memory.current", "300\n"), proc.write("memory.max", "400\n"));
  group.sample(0);
  t.is(group.usedShare, 0.75);
  proc.write("memory.max", "max\n");
  group.sample(1);
  t.is(group.usedShare, 0);
  machine.close();
  group.close();
});

test("NicQueue sums CPUs' backlogs and makes rates of drops and squeezes, devices' drops too", (t) => {
  const proc = procFolder(t);
  const line = (drops: string, squeezes: string, backlog: string): string =>
    `0000ff01 ${drops} ${squeezes} ${"00000000 ".repeat(8)}${backlog} 00000000 00000000 00000000\n`;
  const path = proc.write("softnet_stat", line("00000001", "00000000", "0000000a") + line("00000000", "00000002", "00000010"));
  const device = proc.write("rx_dropped", "5\n");
  const signal = new NicQueue(path, [device]);
  t.teardown(() => signal.close());
  signal.sample(0);
  t.is(signal.waiting, 26);
  t.is(signal.dropsPerS, Number.NaN);
  proc.write("softnet_stat", line("00000003", "00000000", "00000000") + line("00000000", "00000012", "00000000"));
  proc.write("rx_dropped", "13\n");
  signal.sample(100);
  t.is(signal.waiting, 0);
  t.is(signal.dropsPerS, 100);
  t.is(signal.squeezesPerS, 160);
});

test("NicQueue of a kernel before 5.10 knows drops but no backlog", (t) => {
  const proc = procFolder(t);
  const signal = new NicQueue(proc.write("softnet_stat", `0000ff01 00000000 00000000${" 00000000".repeat(8)}\n`));
  t.teardown(() => signal.close());
  signal.sample(0);
  signal.sample(100);
  t.is(signal.waiting, Number.NaN);
  t.is(signal.dropsPerS, 0);
});

test("NodeSignals fills in all figures, and names those files that are missing", (t) => {
  const proc = procFolder(t);
  proc.write("loadavg", "0 0 0 3/80 1\n");
  proc.write("pressure/cpu", psi(0, 0));
  proc.write("meminfo", "MemTotal: 100 kB\nMemAvailable: 50 kB\n");
  proc.write("net/softnet_stat", `0 0 0${" 0".repeat(12)}\n`);
  proc.write("cpu.stat", "nr_periods 0\nnr_throttled 0\n");
  const state = new NodeState("a");
  using signals = new NodeSignals({ proc: proc.path, cgroup: proc.path });
  for (let ms = 0; ms <= 200; ms++) signals.sample(state, ms);
  const { figures } = state;
  t.is(figures[figure.runQueue], 2);
  t.is(figures[figure.cpuSome], 0);
  t.is(figures[figure.memorySome], Number.NaN);
  t.is(figures[figure.memoryUsed], 0.5);
  t.is(figures[figure.nicQueue], 0);
  t.is(figures[figure.nicDrops], 0);
  t.is(figures[figure.throttled], 0);
  t.deepEqual(
    signals.degraded().map((reason) => reason.replace(proc.path, "")),
    ["memory", "io"].map((name) => `cannot read /pressure/${name}: ENOENT; PSI is not known (CONFIG_PSI, psi=1)`),
  );
});

test("NodeSignals smoothes the run queue over 100 ms", (t) => {
  const proc = procFolder(t);
  proc.write("loadavg", "0 0 0 1/80 1\n");
  const state = new NodeState("a");
  using signals = new NodeSignals({ proc: proc.path });
  signals.sample(state, 0);
  proc.write("loadavg", "0 0 0 11/80 1\n");
  signals.sample(state, 1);
  t.true(state.figures[figure.runQueue]! < 1);
  for (let ms = 2; ms <= 500; ms++) signals.sample(state, ms);
  t.true(state.figures[figure.runQueue]! > 9.9);
});

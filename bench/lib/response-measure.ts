#!/usr/bin/env node
/**
 * Runs one load generator, and counts what every service used meanwhile.
 *
 *     node bench/lib/response-measure.ts --to raw.jsonl --point '{"plan":"mitsu","rate":500}' --group edge=/sys/fs/cgroup/… --witness FILE -- open-loop …
 *
 * Appends a line: the point, the generator's figures, CPU seconds by service (cgroup cpu.stat), busy seconds of each CPU (/proc/stat), and for how long
 * each CPU was withheld from all (response-witness), or its packets lay because ksoftirqd waited for the CPU (schedstat). Exit status 75 when that was long enough to spoil the figures.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { spoiled } from "./response-spoiled.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    to: { type: "string" },
    point: { type: "string" },
    group: { type: "string", multiple: true, default: [] },
    witness: { type: "string" },
  },
});
const groups = values.group.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)] as const);

/** CPU seconds of each service so far. */
function used(): Record<string, number> {
  return Object.fromEntries(
    groups.map(([service, folder]) => [
      service,
      Number(/^usage_usec (\d+)$/m.exec(readFileSync(join(folder, "cpu.stat"), "utf8"))?.[1]) / 1e6,
    ]),
  );
}

/** Busy seconds of each CPU so far, and of these what the hypervisor took. */
function busy(): { readonly busy: number[]; readonly steal: number } {
  const lines = readFileSync("/proc/stat", "utf8").match(/^cpu\d+ .*$/gm) ?? [];
  const fields = lines.map((line) =>
    line
      .split(" ")
      .slice(1)
      .map((ticks) => Number(ticks) / 100),
  );
  return { busy: fields.map((f) => f[0]! + f[1]! + f[2]! + f[5]! + f[6]!), steal: fields.reduce((sum, f) => sum + f[7]!, 0) };
}

/** Process ids of ksoftirqd, by CPU: kernel threads, so among the first. */
const softirqThreads = cpus().map((_, cpu) =>
  readdirSync("/proc").find((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/comm`, "utf8") === `ksoftirqd/${cpu}\n`;
    } catch {
      return false; // ended meanwhile
    }
  }),
);

/** Seconds for which ksoftirqd of each CPU wanted to run, and something else did, so far. [Linux, Documentation/scheduler/sched-stats.rst] */
function softirqDelay(): (number | null)[] {
  return softirqThreads.map((pid) =>
    pid === undefined ? null : Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e9,
  );
}

/** Starts a program; what it printed, once it has ended, null when it failed. */
function start(program: string, argv: readonly string[]) {
  const child = spawn(program, argv, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  const printed = new Promise<string | null>((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve(code === 0 ? output : null));
  });
  return { child, printed };
}

const witnesses = cpus().map((_, cpu) => start("taskset", ["-c", String(cpu), "chrt", "--fifo", "30", values.witness!]));
const before = { used: used(), busy: busy(), delay: softirqDelay(), at: performance.now() };
const generator = start(positionals[0]!, positionals.slice(1));
for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.on(signal, () => {
    for (const { child } of [generator, ...witnesses]) child.kill(signal);
  });
const printed = await generator.printed;
const after = { used: used(), busy: busy(), delay: softirqDelay() };
for (const { child } of witnesses) child.kill("SIGTERM");
const told = await Promise.all(witnesses.map(({ printed: line }) => line));
const withheld = told.map((line) => (line === null ? null : Number(line.split(" ")[0]) / 1e6));
const sample = {
  ...JSON.parse(values.point!),
  wallSeconds: (performance.now() - before.at) / 1e3,
  cpuSeconds: Object.fromEntries(Object.entries(after.used).map(([service, seconds]) => [service, seconds - before.used[service]!])),
  busySeconds: after.busy.busy.map((seconds, cpu) => seconds - before.busy.busy[cpu]!),
  stealSeconds: after.busy.steal - before.busy.steal,
  withheldSeconds: withheld,
  softirqDelaySeconds: after.delay.map((seconds, cpu) => (seconds === null ? null : seconds - before.delay[cpu]!)),
  load: printed === null ? null : JSON.parse(printed),
};
appendFileSync(values.to!, `${JSON.stringify(sample)}\n`);
process.exitCode = printed === null ? 1 : spoiled(sample) ? 75 : 0;

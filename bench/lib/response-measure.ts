#!/usr/bin/env node
/**
 * Runs one load generator, and counts what every service used meanwhile.
 *
 *     node bench/lib/response-measure.ts --to raw.jsonl --point '{"plan":"mitsu","rate":500}' --group edge=/sys/fs/cgroup/… -- open-loop …
 *
 * Appends a line: the point, the generator's figures, CPU seconds by service (cgroup cpu.stat), and busy seconds of each CPU (/proc/stat).
 *
 * @module
 */
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { to: { type: "string" }, point: { type: "string" }, group: { type: "string", multiple: true, default: [] } },
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

const before = { used: used(), busy: busy(), at: performance.now() };
const child = spawn(positionals[0]!, positionals.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => child.kill(signal));
let output = "";
child.stdout.on("data", (chunk) => (output += chunk));
const status = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? 1)));
const after = { used: used(), busy: busy() };
const load = status === 0 ? JSON.parse(output) : null;
const line = {
  ...JSON.parse(values.point!),
  wallSeconds: (performance.now() - before.at) / 1e3,
  cpuSeconds: Object.fromEntries(Object.entries(after.used).map(([service, seconds]) => [service, seconds - before.used[service]!])),
  busySeconds: after.busy.busy.map((seconds, cpu) => seconds - before.busy.busy[cpu]!),
  stealSeconds: after.busy.steal - before.busy.steal,
  load,
};
appendFileSync(values.to!, `${JSON.stringify(line)}\n`);
process.exitCode = status;

/**
 * What the connect hook takes, without scores and with 2, 4 and 16 replicas compared: medians of five interleaved rounds of 2000 connects, by the kernel's
 * own statistics of programs, which are turned on meanwhile. `node packages/replicad/test/kernel/connect-cost.ts`, as root.
 * @module
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { clockMs } from "@mitsu/replica-table";
import type { ExecutionContext } from "ava";
import { KernelChoice } from "./kernel-choice.ts";

const replicas = 16;
const connects = 2000;
const rounds = 5;
const switchPath = "/proc/sys/kernel/bpf_stats_enabled";

/** Nanoseconds and runs of the hook so far. */
function statistics(pins: string): { readonly ns: number; readonly runs: number } {
  const pin = readdirSync(pins).find((name) => name.endsWith("_connect4"))!;
  const shown = (...args: readonly string[]) => [JSON.parse(execFileSync("bpftool", ["-j", ...args], { encoding: "utf8" }))].flat()[0];
  const { prog_id } = shown("link", "show", "pinned", `${pins}/${pin}`);
  const { run_time_ns = 0, run_cnt = 0 } = shown("prog", "show", "id", String(prog_id));
  return { ns: run_time_ns, runs: run_cnt };
}

const teardowns: (() => unknown)[] = [];
const before = readFileSync(switchPath, "utf8");
try {
  const kernel = await KernelChoice.open(
    { teardown: (one: () => unknown) => teardowns.push(one), timeout: () => {} } as unknown as ExecutionContext,
    replicas,
  );
  const { pins } = kernel.sandbox.places;
  writeFileSync(switchPath, "1");
  const seen = new Map<number, number[]>([0, 2, 4, 16].map((choices) => [choices, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [choices, all] of seen) {
      const write = (): void => {
        const untilMs = choices === 0 ? clockMs() - 100 : clockMs() + 1000;
        for (const { id } of kernel.replicas) kernel.map.write(id, { score: id, each: 1 }, untilMs);
        kernel.map.choices(kernel.frontend, choices, untilMs);
      };
      write();
      const writing = setInterval(write, 50);
      const from = statistics(pins);
      await kernel.connect(connects);
      const to = statistics(pins);
      clearInterval(writing);
      all.push((to.ns - from.ns) / (to.runs - from.runs));
    }
  }
  for (const [choices, all] of seen) {
    const median = all.toSorted((a, b) => a - b)[rounds >> 1]!;
    console.log(`${choices === 0 ? "no scores, 2" : `scores, ${choices}`} of ${replicas} compared: ${Math.round(median)} ns`);
  }
} finally {
  writeFileSync(switchPath, before);
  for (const one of teardowns.reverse()) await one();
}

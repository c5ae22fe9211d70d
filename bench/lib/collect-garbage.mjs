/** Preloaded into a daemon whose memory is watched (`node --expose-gc --import`): SIGUSR2 has V8 collect all garbage, and what is left is written to a file. @module */
import { writeFileSync } from "node:fs";

process.on("SIGUSR2", () => {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  writeFileSync(`${process.env.MITSU_BENCH_MEMORY}/memory-${process.pid}`, String(heapUsed + external));
});

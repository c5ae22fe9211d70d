#!/usr/bin/env node
/**
 * The open loop's rate in requests a second, from the closed loop's medians in a raw file:
 * `open` 50 % of plain's; `shared` 50 % of the slowest mode's; a mode's name 50 % of that mode's. The closed loop is phase `http` unless another is named.
 *
 *     node bench/report/rate.ts raw.jsonl open 1024 16
 *     node bench/report/rate.ts raw.jsonl shared 1024 16 nodes
 *     node bench/report/rate.ts raw.jsonl envoy 1024 16 redirect
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { samplesAt, spread } from "./points.ts";
import { parseMeasurements } from "./samples.ts";

const [file = "", of = "", size = "", connections = "", from = "http"] = process.argv.slice(2);
const here = samplesAt(parseMeasurements(readFileSync(file, "utf8")).samples, from, size, Number(connections));
const medians = [...new Set(here.map((s) => s.mode))]
  .filter((mode) => of === "shared" || mode === (of === "open" ? "plain" : of))
  .map((mode) => spread(here.filter((s) => s.mode === mode).map((s) => s.throughput)).median);
if (medians.length === 0) {
  console.error(`rate: no closed-loop measurement of ${from} ${size} B × ${connections} to derive the open loop's rate from`);
  process.exitCode = 1;
} else {
  console.log(Math.round(0.5 * Math.min(...medians)));
}

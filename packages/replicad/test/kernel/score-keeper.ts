/** A process that keeps writing scores until it is killed, as replicad does: `score-keeper.ts PINS ID…` makes the first the cheapest by far. @module */
import { clockMs } from "@mitsu/replica-table";
import { ScoreMap } from "../../src/kernel/score-map.ts";

const [pins, ...ids] = process.argv.slice(2);
const map = ScoreMap.open(pins!);
const write = (): void => {
  for (const [index, id] of ids.entries()) map.write(Number(id), { score: index * 1_000_000, each: 1 }, clockMs() + 1000);
};
setInterval(write, 5);
write();
console.log("writing");

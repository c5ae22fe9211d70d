/**
 * Measures how fast the model of two engines under traffic runs, each way a word in every cycle, latency 50, in CPU time, medians of 9 interleaved rounds:
 * `node packages/hdl-bindings/test/model/pair-rate.ts`. step(1000) with the words of a message held, batch(1000) with a word of its own in every cycle.
 * @module
 */
import { AsyncPair } from "../../models/async_pair.ts";

const cycles = 1_000_000;
const pair = await AsyncPair.open();
const ports = { latency: 50, credits: 64, irq_count: 1, irq_cycles: 0, a_sub_valid: 1, a_doorbell: 1, b_sub_valid: 1, b_doorbell: 1 };
Object.assign(pair, ports, { a_rcv_ready: 1, b_rcv_ready: 1, a_cpl_ready: 1, b_cpl_ready: 1 });
pair.reset();

const { inputBytes, outputBytes, fields } = pair.layout;
const [words, records] = [inputBytes / 4, 1000];
const inputs = new Uint32Array(words * records);
const outputs = new Uint32Array((outputBytes / 4) * records);
const at = (name: string): number => fields.find((field) => field.name === name)!.offset / 4;
for (let record = 0; record < records; record++) {
  for (const { name, direction, offset } of fields)
    if (direction === "input") inputs[record * words + offset / 4] = pair[name as "latency"];
  inputs[record * words + at("a_sub_data")] = record;
}

let received = 0;
const runs: Readonly<Record<string, () => void>> = {
  "step(1000)": () => {
    for (let done = 0; done < cycles; done += 1000) {
      pair.a_sub_data = done;
      pair.step(1000);
    }
  },
  "batch(1000)": () => {
    for (let done = 0; done < cycles; done += records) {
      pair.batch(inputs, outputs);
      for (let record = 0; record < records; record++)
        received += outputs[(record * outputBytes + (at("b_rcv_valid") * 4 - inputBytes)) / 4]!;
    }
  },
};
const rates = new Map(Object.keys(runs).map((name) => [name, [] as number[]]));
for (let round = 0; round < 11; round++)
  for (const [name, run] of Object.entries(runs)) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    if (round >= 2) rates.get(name)!.push(cycles / (user + system));
  }
if (received < cycles || pair.overflow !== 0) throw new Error(`only ${received} words came`);
for (const [name, all] of rates) {
  all.sort((one, other) => one - other);
  console.log(`${name}: ${all[all.length >> 1]!.toFixed(1)} Mcycle/s, ${all[0]!.toFixed(1)} to ${all.at(-1)!.toFixed(1)}`);
}

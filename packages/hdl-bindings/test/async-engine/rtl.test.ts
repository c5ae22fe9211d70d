import { existsSync } from "node:fs";
import test from "ava";
import { AsyncMesh } from "../../models/async_mesh.ts";
import { AsyncPair } from "../../models/async_pair.ts";
import { usualEngine } from "../../src/twins/async-engine.ts";
import { AsyncMesh as MeshTwin } from "../../src/twins/async-engine-mesh.ts";
import { AsyncPair as PairTwin } from "../../src/twins/async-engine-pair.ts";
import { transfer } from "../../src/twins/async-engine-transfer.ts";
import { draws } from "./draws.ts";

const built = (name: string): boolean => existsSync(new URL(`../../models/${name}.wasm`, import.meta.url));
const withPair = built("async_pair") ? test : test.skip;
const withMesh = built("async_mesh") ? test : test.skip;
const cycles = process.env.MITSU_TEST_ALL === "1" ? 100_000 : 2500;
const inputs = ["sub_valid", "doorbell", "rcv_ready", "cpl_ready", "irq_ack"] as const;

withPair("async_pair and its twin have the same outputs in every cycle", async (t) => {
  const model = await AsyncPair.open();
  const twin = new PairTwin();
  const random = draws(11);
  const [ins, outs] = [
    ["a", "b"].flatMap((side) => inputs.map((name) => `${side}_${name}`)),
    ["a", "b"].flatMap((side) => ["sub_ready", "rcv_valid", "rcv_last", "cpl_valid", "irq"].map((name) => `${side}_${name}`)),
  ];
  const ports = { model: model as unknown as Record<string, number>, twin: twin as unknown as Record<string, number> };
  for (const [run, latency] of [0, 1, 2, 3, 10, 50, 200, 255].entries()) {
    const setting = { latency, credits: [1, 3, 64, 100, 8][run % 5]!, irq_count: run % 4, irq_cycles: [0, 5, 100][run % 3]! };
    const odds = ins.map((_, nth) => (nth % 5 === 4 ? random() * 0.2 : random()));
    for (const one of [model, twin]) {
      Object.assign(one, setting);
      one.reset();
    }
    for (let cycle = 0; cycle < cycles; cycle++) {
      const values: Record<string, number> = { a_sub_data: Math.floor(random() * 2 ** 32), b_sub_data: Math.floor(random() * 2 ** 32) };
      for (const [nth, name] of ins.entries()) values[name] = random() < odds[nth]! ? 1 : 0;
      Object.assign(model, values).step();
      Object.assign(twin, values).step();
      for (const name of [...outs, "overflow"])
        if (ports.model[name] !== ports.twin[name])
          return t.fail(`run ${run}, cycle ${cycle}: ${name} is ${ports.model[name]}, the twin's ${ports.twin[name]}`);
      for (const side of ["a", "b"] as const)
        if (twin[`${side}_rcv_valid`] && model[`${side}_rcv_data`] !== twin[`${side}_rcv_data`])
          return t.fail(`run ${run}, cycle ${cycle}: data of ${side}`);
    }
  }
  model.close();
  t.pass();
});

withPair("async_pair takes as many cycles for a transfer as its twin, at most 4.2 a message", async (t) => {
  const model = await AsyncPair.open();
  const setting = { messages: 1000, latency: 50, depth: 64 };
  const taken = transfer(model, setting);
  t.is(taken, transfer(new PairTwin(), setting));
  t.true(taken / 1000 <= 4.2, `${taken / 1000}`);
  model.close();
});

withMesh("async_mesh and its twin have the same outputs in every cycle", async (t) => {
  const random = draws(13);
  const model = await AsyncMesh.open();
  const bit = (word: number, n: number): number => (word >>> n) & 1;
  for (const [run, latency] of [1, 2, 10, 100].entries()) {
    const twin = new MeshTwin({ ...usualEngine, nodes: 4, credits: 1 + run * 7, irqCount: run, irqCycles: run * 10 }, latency);
    Object.assign(model, { latency, credits: 1 + run * 7, irq_count: run, irq_cycles: run * 10 });
    model.reset();
    const odds = inputs.map((_, nth) => (nth === 4 ? 0.1 : random()));
    for (let cycle = 0; cycle < cycles; cycle++) {
      const words = inputs.map(() => 0);
      let dest = 0;
      const data = new Uint32Array(4);
      for (const [n, node] of twin.nodes.entries()) {
        for (const nth of inputs.keys()) words[nth]! |= random() < odds[nth]! ? 1 << n : 0;
        data[n] = Math.floor(random() * 2 ** 32);
        node.subData = data[n]!;
        node.subDest = Math.floor(random() * 4);
        dest |= node.subDest << (2 * n);
        node.subValid = bit(words[0]!, n) === 1;
        node.doorbell = bit(words[1]!, n) === 1;
        node.rcvReady = bit(words[2]!, n) === 1;
        node.cplReady = bit(words[3]!, n) === 1;
        node.irqAck = bit(words[4]!, n) === 1;
      }
      Object.assign(model, Object.fromEntries(inputs.map((name, nth) => [name, words[nth]])), { sub_dest: dest, sub_data: data });
      model.step();
      twin.step();
      const ours = twin.nodes.map((o) => [o.subReady, o.rcvValid, o.rcvLast, o.cplValid, o.irq, o.overflow].map(Number).join(""));
      const theirs = twin.nodes.map((_, n) =>
        [model.sub_ready, model.rcv_valid, model.rcv_last, model.cpl_valid, model.irq, model.overflow].map((word) => bit(word, n)).join(""),
      );
      if (ours.join() !== theirs.join()) return t.fail(`run ${run}, cycle ${cycle}: ${theirs.join()}, the twin's ${ours.join()}`);
      for (const [n, node] of twin.nodes.entries()) {
        const [src, to] = [(model.rcv_src >>> (2 * n)) & 3, (model.cpl_dest >>> (2 * n)) & 3];
        if (node.rcvValid && (src !== node.rcvSrc || model.rcv_data[n] !== node.rcvData))
          return t.fail(`run ${run}, cycle ${cycle}: received by ${n}`);
        if (node.cplValid && to !== node.cplDest) return t.fail(`run ${run}, cycle ${cycle}: completed at ${n}`);
      }
    }
  }
  model.close();
  t.pass();
});

import test from "ava";
import { figure, type NodeFigure, NodeState, nodeFigures } from "../../src/bus/node-state.ts";
import { NodeSignals } from "../../src/signals/node-signals.ts";

/** What this kernel may lack, by the file that is named then. */
const files: Partial<Record<NodeFigure, RegExp>> = {
  cpuSome: /pressure\/cpu/,
  memorySome: /pressure\/memory/,
  memoryFull: /pressure\/memory/,
  ioSome: /pressure\/io/,
  ioFull: /pressure\/io/,
};
const shares: readonly NodeFigure[] = ["cpuSome", "cpuFull", "memorySome", "memoryFull", "ioSome", "ioFull", "memoryUsed"];

test("NodeSignals reads this kernel's files: every figure is known and in its range, or its file is named as missing", (t) => {
  using signals = new NodeSignals();
  const state = new NodeState("a");
  const startMs = performance.now();
  // Real time passes: shares are made of differences.
  while (performance.now() - startMs < 250) signals.sample(state, performance.now());
  const told = Object.fromEntries(nodeFigures.map((name) => [name, state.figures[figure[name]]!])) as Record<NodeFigure, number>;
  t.log(JSON.stringify(told));
  for (const reason of signals.degraded()) t.log(reason);
  for (const name of shares) {
    const value = told[name];
    if (Number.isNaN(value)) t.true(name === "cpuFull" || signals.degraded().some((reason) => files[name]?.test(reason)), name);
    else t.true(value >= 0 && value <= 1, `${name} ${value}`);
  }
  t.true(told.runQueue >= 0);
  t.true(told.memoryUsed > 0 && told.memoryUsed < 1);
  t.true(told.nicDrops >= 0);
  t.is(told.throttled, Number.NaN);
});

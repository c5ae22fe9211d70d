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
const mayBeMissing = (name: NodeFigure, degraded: readonly string[]): boolean =>
  name === "cpuFull" || degraded.some((reason) => files[name]?.test(reason));
const shares: readonly NodeFigure[] = ["cpuSome", "cpuFull", "memorySome", "memoryFull", "ioSome", "ioFull", "memoryUsed"];

test("NodeSignals reads this kernel's files: every figure is known and in its range, or its file is named as missing", (t) => {
  using signals = new NodeSignals();
  const state = new NodeState("a");
  const startMs = performance.now();
  // Shares are made of differences over real time. On a busy machine the loop may stand still for longer than a span, so it is not the time that counts.
  const known = (name: NodeFigure): boolean => !Number.isNaN(state.figures[figure[name]]!) || mayBeMissing(name, signals.degraded());
  while (performance.now() - startMs < 5000 && !shares.every(known)) signals.sample(state, performance.now());
  const told = Object.fromEntries(nodeFigures.map((name) => [name, state.figures[figure[name]]!])) as Record<NodeFigure, number>;
  t.log(JSON.stringify(told));
  for (const reason of signals.degraded()) t.log(reason);
  for (const name of shares) {
    const value = told[name];
    if (Number.isNaN(value)) t.true(mayBeMissing(name, signals.degraded()), name);
    else t.true(value >= 0 && value <= 1, `${name} ${value}`);
  }
  t.true(told.runQueue >= 0);
  t.true(told.memoryUsed > 0 && told.memoryUsed < 1);
  t.true(told.nicDrops >= 0);
  t.is(told.throttled, Number.NaN);
});

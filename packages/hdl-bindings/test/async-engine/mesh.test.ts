import test from "ava";
import { usualEngine } from "../../src/twins/async-engine.ts";
import { AsyncMesh } from "../../src/twins/async-engine-mesh.ts";
import { draws } from "./draws.ts";

test("AsyncMesh: all to all, random hosts: each message comes once, whole, in order of its pair, and is completed", (t) => {
  const random = draws(3);
  for (const [nodes, latency, hungry] of [
    [2, 1, 1],
    [5, 10, 0.3],
    [16, 10, 0.8],
  ] as const) {
    const mesh = new AsyncMesh({ ...usualEngine, nodes, depth: 32, credits: 8 }, latency);
    const host = mesh.nodes.map(() => ({
      word: 0,
      to: 0,
      sent: new Array<number>(nodes).fill(0),
      completed: 0,
      came: new Array<number>(nodes).fill(0),
      beat: 0,
    }));
    let written = 0;
    for (let cycle = 0; cycle < 6000; cycle++) {
      mesh.nodes.forEach((node, n) => {
        const own = host[n]!;
        node.subValid = cycle < 2000 && random() < 0.7;
        if (own.word === 0) own.to = (n + 1 + Math.floor(random() * (nodes - 1))) % nodes;
        node.subDest = own.to;
        node.subData = n * 0x1000000 + own.sent[own.to]! * 4 + own.word;
        node.doorbell = true;
        node.cplReady = true;
        node.rcvReady = cycle > 4000 || random() < hungry;
        if (node.subValid && node.subReady) {
          own.word = (own.word + 1) % 4;
          if (own.word === 0) {
            own.sent[own.to]!++;
            written++;
          }
        }
        if (node.cplValid) own.completed++;
        if (node.rcvValid && node.rcvReady) {
          const [from, nth] = [node.rcvData >>> 24, node.rcvData & 0xffffff];
          if (from !== node.rcvSrc || nth !== own.came[from]! * 4 + own.beat) t.fail(`${from} to ${n}: ${nth}`);
          own.beat = (own.beat + 1) % 4;
          if (own.beat === 0) own.came[from]!++;
        }
      });
      mesh.step();
    }
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    t.true(written > 100);
    t.is(sum(host.map((own) => sum(own.came))), written);
    t.is(sum(host.map((own) => own.completed)), written);
    t.false(mesh.nodes.some((node) => node.overflow));
    // A host that stopped in the middle of a message leaves its words in its ring.
    t.is(mesh.wordsInside, sum(host.map((own) => own.word)));
  }
});

test("AsyncMesh: an output's arbiter gives equal shares to all that ask", (t) => {
  const mesh = new AsyncMesh({ ...usualEngine, nodes: 4, credits: 16 }, 3);
  const came = [0, 0, 0, 0];
  for (let cycle = 0; cycle < 2400; cycle++) {
    for (const node of mesh.nodes.slice(1)) Object.assign(node, { subValid: true, subDest: 0, doorbell: true, cplReady: true });
    const first = mesh.nodes[0]!;
    first.rcvReady = true;
    if (first.rcvValid && first.rcvLast) came[first.rcvSrc]!++;
    mesh.step();
  }
  t.is(came[0], 0);
  t.true(
    came.slice(1).every((count) => Math.abs(count - 200) <= 6),
    came.join(" "),
  );
});

import test from "ava";
import { aStar } from "../../src/hda/a-star.ts";
import { type Domain, noMove, successors } from "../../src/hda/domain.ts";
import { FifteenPuzzle } from "../../src/hda/fifteen-puzzle.ts";
import { GridMap } from "../../src/hda/grid-map.ts";
import { korf } from "../../src/hda/korf.ts";
import { ownerOf } from "../../src/hda/zobrist.ts";
import { draws } from "../async-engine/draws.ts";

/** The cheapest cost by Dijkstra's method with a plain list: slow, and nothing to get wrong. */
function dijkstra(domain: Domain): number {
  const known = new Map<string, { low: number; high: number; cost: number; done: boolean }>();
  known.set(`${domain.startLow} ${domain.startHigh}`, { low: domain.startLow, high: domain.startHigh, cost: 0, done: false });
  for (;;) {
    let best: { low: number; high: number; cost: number; done: boolean } | undefined;
    for (const one of known.values()) if (!one.done && (!best || one.cost < best.cost)) best = one;
    if (!best) return Number.POSITIVE_INFINITY;
    if (domain.isGoal(best.low, best.high)) return best.cost;
    best.done = true;
    const into = successors();
    const count = domain.expand(best.low, best.high, noMove, into);
    for (let nth = 0; nth < count; nth++) {
      const key = `${into.low[nth]} ${into.high[nth]}`;
      const cost = best.cost + into.cost[nth]!;
      const old = known.get(key);
      if (!old || cost < old.cost) known.set(key, { low: into.low[nth]!, high: into.high[nth]!, cost, done: false });
    }
  }
}

test("aStar() finds Dijkstra's cost on 40 grid maps, without a way too", (t) => {
  let without = 0;
  for (let seed = 0; seed < 40; seed++) {
    const map = new GridMap({ width: 12, height: 9, blocked: 0.35, seed });
    const { cost } = aStar(map);
    t.is(cost, dijkstra(map), `seed ${seed}`);
    if (cost === Number.POSITIVE_INFINITY) without++;
  }
  t.true(without > 3 && without < 37);
});

test("aStar() finds the published costs of Korf's instances 12 (45 moves) and, from 17 moves on, 1 (57)", (t) => {
  t.is(aStar(korf(12)).cost, 45);
  t.is(aStar(korf(1, 40)).cost, 40);
  t.is(aStar(korf(55, 30)).cost, 30);
  t.is(aStar(korf(55, 0)).cost, 0);
});

test("FifteenPuzzle and GridMap: heuristics are consistent, moves can be taken back", (t) => {
  for (const domain of [korf(1), new GridMap({ width: 30, height: 30, blocked: 0.2, seed: 4 })]) {
    const into = successors();
    const back = successors();
    let [low, high] = [domain.startLow, domain.startHigh];
    for (let step = 0; step < 200; step++) {
      const count = domain.expand(low, high, noMove, into);
      for (let nth = 0; nth < count; nth++) {
        const [nextLow, nextHigh] = [into.low[nth]!, into.high[nth]!];
        t.true(domain.heuristic(low, high) <= into.cost[nth]! + domain.heuristic(nextLow, nextHigh));
        const others = domain.expand(nextLow, nextHigh, noMove, back);
        t.true([...back.low.subarray(0, others)].some((word, at) => word === low && back.high[at] === high));
        t.is(domain.expand(nextLow, nextHigh, into.move[nth]!, back), others - 1);
      }
      const pick = (step * 7) % count;
      [low, high] = [into.low[pick]!, into.high[pick]!];
    }
  }
});

test("ownerOf() gives elements equal shares of a search's states", (t) => {
  const domain = korf(12);
  const random = draws(5);
  const met = new Set<string>();
  const shares = new Array<number>(16).fill(0);
  const into = successors();
  let [low, high, move] = [domain.startLow, domain.startHigh, noMove];
  while (met.size < 16_000) {
    const pick = Math.floor(random() * domain.expand(low, high, move, into));
    [low, high, move] = [into.low[pick]!, into.high[pick]!, into.move[pick]!];
    if (met.has(`${low} ${high}`)) continue;
    met.add(`${low} ${high}`);
    shares[ownerOf(domain.hash(low, high), 16)]!++;
  }
  t.true(Math.min(...shares) > 880 && Math.max(...shares) < 1120, shares.join(" "));
});

test("FifteenPuzzle and korf() refuse what is none", (t) => {
  t.throws(() => new FifteenPuzzle([1, 2, 3]), { code: "ERR_PUZZLE_BOARD" });
  t.throws(() => korf(2), { code: "ERR_KORF_INSTANCE" });
  t.throws(() => korf(12, 46), { code: "ERR_KORF_INSTANCE" });
});

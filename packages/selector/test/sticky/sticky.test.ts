import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { LiveCandidate } from "../../src/live-candidate.ts";
import { Membership } from "../../src/membership.ts";
import type { Selector } from "../../src/selector.ts";
import { createSelector } from "../../src/selectors.ts";
import { Sticky, type StickyOptions } from "../../src/sticky/sticky.ts";
import { answerOf, type CandidateDouble, candidateDoubles, contextOf, near, seeded } from "../candidate-double.ts";

const several = (count: number) => candidateDoubles(Array.from({ length: count }, () => ({})));
const random = seeded(1);
const sticky = (options?: StickyOptions) => new Sticky(createSelector("p2c"), options);
const to = (selector: Selector, candidates: readonly CandidateDouble[], key: string | null) =>
  selector.select(candidates, contextOf(random, { stickyKey: key }));
const keys = Array.from({ length: 2000 }, (_, nth) => `user-${nth}`);

test("Sticky.select() sends a key to the same replica, in every program", (t) => {
  const candidates = several(10);
  const [here, elsewhere] = [sticky(), new Sticky(createSelector("random"))];
  const reordered = candidates.toReversed();
  for (const key of keys) {
    const chosen = to(here, candidates, key);
    t.is(to(here, candidates, key), chosen);
    t.is(to(elsewhere, reordered, key), chosen);
  }
});

test("Sticky.select() spreads keys by weight", (t) => {
  const candidates = candidateDoubles([{ weight: 2 }, {}, {}]);
  const selector = sticky();
  const first = keys.filter((key) => to(selector, candidates, key) === candidates[0]).length;
  t.true(near(first, keys.length, 0.5), String(first));
});

test("Sticky.select() sees a new weight in the same array, within as many requests as there are replicas", (t) => {
  const candidates = several(4);
  const selector = sticky();
  const homes = () => keys.filter((key) => to(selector, candidates, key) === candidates[0]).length;
  t.true(near(homes(), keys.length, 0.25));
  candidates[0]!.weight = 9;
  for (let nth = 0; nth < 4; nth++) to(selector, candidates, "any");
  t.true(near(homes(), keys.length, 0.75), String(homes()));
});

test("Sticky.select() over eligible() sends a key to the same replica from every node, though near ones are preferred", (t) => {
  const nodes = [0, 1].map((node) => {
    const membership = new Membership();
    for (let nth = 0; nth < 6; nth++) membership.add(new LiveCandidate(`r${nth}`, { weight: 1, here: nth % 2 === node }), 0, true);
    return { membership, selector: sticky({ overflow: "next" }) };
  });
  const chosen = (node: (typeof nodes)[number], stickyKey: string | null) =>
    node.selector.select(node.membership.eligible(0, true, stickyKey), contextOf(random, { stickyKey }));
  for (const key of keys.slice(0, 200)) t.is(chosen(nodes[0]!, key).key, chosen(nodes[1]!, key).key);
  for (const node of nodes) t.true(chosen(node, null).here);
  t.deepEqual(nodes[0]!.membership.eligible(0, false, null).length, 6);
});

test("Sticky.select() without 1 of 10 moves the keys of that one and few others, and all back when it returns", (t) => {
  const candidates = several(10);
  const selector = sticky();
  const before = keys.map((key) => to(selector, candidates, key));
  const without = candidates.filter((_, nth) => nth !== 4);
  const during = keys.map((key) => to(selector, without, key));
  const moved = keys.filter((_, nth) => before[nth] !== candidates[4] && before[nth] !== during[nth]).length;
  t.true(moved < 0.06 * keys.length, String(moved));
  t.false(during.includes(candidates[4]!));
  t.deepEqual(
    keys.map((key) => to(selector, candidates, key).key),
    before.map(({ key }) => key),
  );
});

test("Sticky.select() leaves a request without a key to the selector", (t) => {
  const candidates = candidateDoubles([{ inFlight: 1 }, {}]);
  for (let nth = 0; nth < 20; nth++) t.is(to(sticky(), candidates, null), candidates[1]!);
});

test("Sticky.select() leaves a key to the selector while its replica is at its bound", (t) => {
  const candidates = several(4);
  const selector = sticky();
  const own = to(selector, candidates, "cart-17");
  own.inFlight = 5;
  // ⌈1.25 × 6 / 4⌉ = 2: over its bound, and p2c never takes the busiest.
  for (let nth = 0; nth < 20; nth++) t.not(to(selector, candidates, "cart-17"), own);
  own.inFlight = 0;
  t.is(to(selector, candidates, "cart-17"), own);
});

test("Sticky.select() with overflow `next` has one second replica for each key", (t) => {
  const candidates = several(10);
  const selector = sticky({ overflow: "next" });
  const seconds = new Set<CandidateDouble>();
  for (const key of keys) {
    const own = to(selector, candidates, key);
    if (own !== candidates[0]) continue;
    own.inFlight = 50;
    const second = to(selector, candidates, key);
    t.not(second, own);
    t.is(to(selector, candidates, key), second);
    seconds.add(second);
    own.inFlight = 0;
  }
  t.is(seconds.size, 9, "the keys of one replica go to all others");
});

for (const epsilon of [0.1, 0.25, 1]) {
  test(`Sticky.select() with overflow \`next\` and ε ${epsilon} keeps every replica at ⌈(1 + ε) m / n⌉ at most, a hot key or not`, (t) => {
    const candidates = several(20);
    const selector = sticky({ epsilon, overflow: "next" });
    const draw = seeded(7);
    const sent: CandidateDouble[] = [];
    const homes = sticky({ epsilon: Number.POSITIVE_INFINITY });
    let others = 0;
    let atHome = 0;
    for (let nth = 0; nth < 20_000; nth++) {
      const key = draw() < 0.1 ? "hot" : `user-${Math.floor(draw() * 500)}`;
      const most = Math.ceil(((1 + epsilon) * (sent.length + 1)) / 20 - 1e-9);
      const chosen = to(selector, candidates, key);
      if (key !== "hot") {
        others++;
        if (chosen === to(homes, candidates, key)) atHome++;
      }
      chosen.inFlight++;
      sent.push(chosen);
      if (chosen.inFlight > most) t.fail(`${chosen.inFlight} over ${most}`);
      if (sent.length > 400) {
        const at = Math.floor(draw() * sent.length);
        sent[at]!.inFlight--;
        sent[at] = sent.at(-1)!;
        sent.pop();
      }
    }
    t.log(`${((100 * atHome) / others).toFixed(0)} % of the other keys' requests at home`);
    t.true(atHome / others > { 0.1: 0.5, 0.25: 0.7, 1: 0.9 }[epsilon]!);
  });
}

test("Sticky.select() with an infinite ε never leaves a key's replica", (t) => {
  const candidates = several(4);
  const selector = sticky({ epsilon: Number.POSITIVE_INFINITY });
  const own = to(selector, candidates, "cart-17");
  own.inFlight = 10_000;
  t.is(to(selector, candidates, "cart-17"), own);
});

test("Sticky hands on what was sent, answered and probed, and asks whom to probe", (t) => {
  const heard: string[] = [];
  const [candidate] = several(1);
  const whole = new Sticky({
    name: "prequal",
    select: (candidates) => candidates[0]!,
    sent: () => heard.push("sent"),
    answered: () => heard.push("answered"),
    probes: (candidates) => candidates,
    probed: () => heard.push("probed"),
  });
  t.is(whole.name, "prequal");
  whole.sent(candidate!, 0);
  whole.answered(candidate!, 0, answerOf(1));
  whole.probed(candidate!, 0, { inFlight: 0, latencyMs: 0, serviceMs: 0, workers: 0 });
  t.deepEqual(heard, ["sent", "answered", "probed"]);
  t.deepEqual(whole.probes([candidate!], contextOf(random)), [candidate!]);

  const bare = sticky();
  bare.sent(candidate!, 0);
  bare.answered(candidate!, 0, answerOf(1));
  bare.probed(candidate!, 0, { inFlight: 0, latencyMs: 0, serviceMs: 0, workers: 0 });
  t.deepEqual(bare.probes([candidate!], contextOf(random)), []);
});

for (const options of [
  { epsilon: 0 },
  { epsilon: Number.NaN },
  { tableSize: 16_384 },
  { tableSize: 1 },
  { tableSize: 121 },
  { tableSize: 2.5 },
]) {
  test(`new Sticky() refuses ${JSON.stringify(options)}`, (t) => {
    const error = t.throws<MitsuError>(() => sticky(options), { instanceOf: MitsuError });
    t.is(error.code, "ERR_SELECTOR_OPTION");
    t.truthy(error.hint);
  });
}

import type { SelectorName } from "@mitsu/catalog";
import test from "ava";
import fc from "fast-check";
import { LeastRequest } from "../../src/cluster/least-request.ts";
import { LiveEndpoint } from "../../src/cluster/live-endpoint.ts";
import { RandomChoice } from "../../src/cluster/random-choice.ts";
import { RoundRobin } from "../../src/cluster/round-robin.ts";
import type { SelectionContext, Selector } from "../../src/cluster/selector.ts";
import { Xoshiro128 } from "../../src/filters/xoshiro.ts";

const endpointsOf = (weights: readonly number[]) =>
  weights.map((weight, n) => new LiveEndpoint({ service: "web", address: `10.0.0.${n}`, port: 80, node: null, here: false, weight }));

function contextOf(seed: number): SelectionContext {
  const random = new Xoshiro128(Uint32Array.of(seed, 2, 3, 4));
  return { service: "web", port: 80, random: () => random.fraction() };
}

/** How often each is chosen. */
function shares(selector: Selector, endpoints: readonly LiveEndpoint[], context: SelectionContext, times: number): number[] {
  const counts = new Map<LiveEndpoint, number>(endpoints.map((endpoint) => [endpoint, 0]));
  for (let n = 0; n < times; n++) {
    const chosen = selector.select(endpoints, context)!;
    counts.set(chosen, counts.get(chosen)! + 1);
  }
  return [...counts.values()];
}

const someWeights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
const selectors: Readonly<Record<SelectorName, () => Selector>> = {
  "least-request": () => new LeastRequest(),
  "round-robin": () => new RoundRobin(),
  random: () => new RandomChoice(),
};

for (const [name, make] of Object.entries(selectors)) {
  test(`${name} gives idle replicas shares as their weights`, (t) => {
    const times = 4000;
    fc.assert(
      fc.property(someWeights, fc.integer({ min: 1, max: 1e6 }), (weights, seed) => {
        const sum = weights.reduce((total, weight) => total + weight);
        const counts = shares(make(), endpointsOf(weights), contextOf(seed), times);
        for (const [index, count] of counts.entries()) {
          const share = weights[index]! / sum;
          // Five standard deviations: one run in a million strays by chance, and the seed is fixed.
          t.true(Math.abs(count - share * times) <= 5 * Math.sqrt(times * share * (1 - share)) + 1, `${weights}: ${counts}`);
        }
      }),
      { seed: 4, numRuns: 60 },
    );
  });
}

test("LeastRequest.select() takes the less busy of two, so never the busiest of all", (t) => {
  const endpoints = endpointsOf([1, 1, 1, 1]);
  for (const [index, endpoint] of endpoints.entries()) endpoint.inFlight = 3 - index;
  const counts = shares(new LeastRequest(), endpoints, contextOf(7), 6000);
  t.is(counts[0], 0);
  // Of the six pairs, three hold the last, two more the one before, one more the second.
  for (const [index, pairs] of [0, 1, 2, 3].entries()) t.true(Math.abs(counts[index]! - pairs * 1000) < 200, String(counts));
});

test("LeastRequest.select() of different weights gives shares of weight / (in flight + 1)", (t) => {
  const endpoints = endpointsOf([2, 1]);
  endpoints[0]!.inFlight = 7;
  const [busy, idle] = shares(new LeastRequest(), endpoints, contextOf(7), 5000);
  t.true(Math.abs(busy! - 1000) < 150);
  t.is(busy! + idle!, 5000);
});

test("LeastRequest.select() notices new weights of a new set", (t) => {
  const selector = new LeastRequest();
  shares(selector, endpointsOf([1, 1]), contextOf(1), 1);
  const [light, heavy] = shares(selector, endpointsOf([1, 9]), contextOf(1), 1000);
  t.true(heavy! > 5 * light!);
});

test("RoundRobin.select() spreads the heavy replica's turns", (t) => {
  const selector = new RoundRobin();
  const endpoints = endpointsOf([5, 1, 1]);
  const turns = Array.from({ length: 7 }, () => endpoints.indexOf(selector.select(endpoints)));
  t.deepEqual(turns, [0, 0, 1, 0, 2, 0, 0]);
});

test("RoundRobin.select() chooses each as often as it weighs in every round", (t) => {
  fc.assert(
    fc.property(someWeights, (weights) => {
      const sum = weights.reduce((total, weight) => total + weight);
      const selector = new RoundRobin();
      const endpoints = endpointsOf(weights);
      for (let round = 0; round < 3; round++) t.deepEqual(shares(selector, endpoints, contextOf(1), sum), weights);
    }),
    { seed: 4, numRuns: 200 },
  );
});

test("RoundRobin.select() goes on behind the last turn when the set changes and comes back", (t) => {
  const selector = new RoundRobin();
  const endpoints = endpointsOf([1, 1, 1]);
  t.is(selector.select(endpoints), endpoints[0]!);
  t.is(selector.select([...endpoints]), endpoints[1]!);
  t.is(selector.select([...endpoints]), endpoints[2]!);
});

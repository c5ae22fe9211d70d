import { Random } from "@mitsu/simulation";
import test from "ava";
import { small } from "../../../src/generate/small.ts";
import { compile } from "../../../src/solve/compile.ts";
import { brokenShare, evaluate } from "../../../src/solve/objective.ts";
import { PlacementState } from "../../../src/solve/search/state.ts";

/** Placements at random over allowed nodes, whatever they break. */
function anywhere(instance: ReturnType<typeof compile>, random: Random): Int32Array {
  return Int32Array.from(instance.serviceOf, (service) => {
    for (;;) {
      const m = random.below(instance.nodes);
      if (instance.allowed[service * instance.nodes + m] === 1) return m;
    }
  });
}

test("PlacementState's cost, broken musts and loads after any moves are those of objective.ts", (t) => {
  const random = new Random(1);
  for (let seed = 1; seed <= 150; seed++) {
    const instance = compile(small({ seed, rules: true }));
    const weight = random.below(5) / 4;
    const state = new PlacementState(instance, anywhere(instance, random), weight);
    for (let move = 0; move < 60; move++) {
      const replica = random.below(instance.replicas);
      const service = instance.serviceOf[replica]!;
      const from = state.nodeOf[replica]!;
      const to = random.below(instance.nodes);
      if (to === from) continue;
      const { cost, brokenMusts } = state;
      const violation = state.violation();
      const foretold = {
        cost: state.delta(service, from, to),
        musts: state.mustDelta(service, from, to),
        violation: state.violationDelta(service, from, to),
      };
      state.shift(replica, to);
      near(state.cost - cost, foretold.cost);
      t.is(state.brokenMusts - brokenMusts, foretold.musts);
      near(state.violation() - violation, foretold.violation);
    }
    near(state.cost, evaluate(instance, state.nodeOf, weight).objective);
    const musts = instance.rules.filter((rule) => rule.weight === null);
    const broken = musts.reduce((sum, rule) => {
      const replicas = instance.firstReplica[rule.service + 1]! - instance.firstReplica[rule.service]!;
      return sum + brokenShare(instance, rule, state.counts) * replicas;
    }, 0);
    near(state.brokenMusts, broken);
    const fresh = new PlacementState(instance, state.nodeOf.slice(), weight);
    t.is(fresh.moved, state.moved);
    t.is(fresh.movedBytes, state.movedBytes);
    for (const [at, load] of fresh.load.entries()) near(load, state.load[at]!, 1e-6 * (1 + load));
  }
  function near(one: number, other: number, within = 1e-9): void {
    t.true(Math.abs(one - other) <= within, `${one} is not ${other}`);
  }
});

test("PlacementState.moved counts replicas that cannot stay, whichever of a service they are", (t) => {
  const problem = small({ seed: 3 });
  const instance = compile(problem);
  const present = Int32Array.from(instance.serviceOf, () => 0);
  const state = new PlacementState({ ...instance, present }, present.slice(), 0);
  t.is(state.moved, 0);
  state.shift(0, 1);
  t.is(state.moved, 1);
  state.shift(0, 2 % instance.nodes);
  state.shift(0, 0);
  t.is(state.moved, 0);
});

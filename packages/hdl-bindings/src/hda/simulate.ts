/** HDA* in cycles: elements whose work is counted, over engines and a crossbar that are simulated in every cycle (the twin of rtl/async_mesh.sv). @module */
import { MitsuError } from "@mitsu/cli/error";
import { usualEngine } from "../twins/async-engine.ts";
import { AsyncMesh } from "../twins/async-engine-mesh.ts";
import type { Domain } from "./domain.ts";
import { type Cycles, SimulatedElement, usualCycles } from "./simulated-element.ts";

/** How to search. */
export interface HdaOptions {
  /** Processing elements, 1 to 31. */
  readonly elements: number;
  /** Cycles of each link. */
  readonly latency: number;
  /** An element that sent a message waits for its completion before it goes on. */
  readonly blocking?: boolean;
  /** Messages a ring, a power of two. */
  readonly depth?: number;
  readonly cycles?: Cycles;
  /** Whether an element reads its receive ring in a cycle; always unless told. For adversarial tests. */
  readonly listens?: (element: number, cycle: number) => boolean;
  /** Cycles after which the simulation gives up. */
  readonly mostCycles?: number;
}

/** What a search found, and what it took. */
export interface HdaOutcome {
  /** Infinity when there is no way. */
  readonly cost: number;
  /** Until the last element knew the end. */
  readonly cycles: number;
  readonly expansions: number;
  /** All messages, tokens too. */
  readonly messages: number;
  readonly states: number;
  /** Shares of all elements' cycles, 0 to 1. */
  readonly busy: number;
  readonly stalled: number;
  readonly idle: number;
}

/**
 * Searches for the cheapest way to the goal.
 *
 * @throws {MitsuError} `ERR_HDA_EARLY` when the termination was detected while there was work left, which would be a bug; `ERR_HDA_CYCLES` past `mostCycles`;
 * `ERR_RTL_PARAMETER` for a mesh that the RTL would not elaborate.
 * @example
 * ```ts
 * simulateHda(korf(12, 35), { elements: 16, latency: 10 }).cost; // 35
 * ```
 */
export function simulateHda(domain: Domain, options: HdaOptions): HdaOutcome {
  const { elements, blocking = false, cycles = usualCycles, mostCycles = 2 ** 40 } = options;
  const all = Array.from({ length: elements }, (_, number) => new SimulatedElement(domain, number, elements, cycles, blocking));
  const taken = elements === 1 ? alone(all[0]!) : together(all, { ...options, mostCycles });
  const sum = (of: (one: SimulatedElement) => number): number => all.reduce((total, one) => total + of(one), 0);
  return {
    cost: Math.min(...all.map((one) => one.element.owner.incumbent)),
    cycles: taken,
    expansions: sum((one) => one.element.owner.expansions),
    messages: sum((one) => one.messages),
    states: sum((one) => one.element.statesSent),
    busy: sum((one) => one.spent.busy) / (taken * elements),
    stalled: sum((one) => one.spent.stalled) / (taken * elements),
    idle: sum((one) => one.spent.idle) / (taken * elements),
  };
}

/** An element that is alone sends nothing, so that its cycles need only be added up. */
function alone(one: SimulatedElement): number {
  let cycle = 0;
  while (!one.element.ended) {
    one.work();
    cycle += 1 + one.skip();
  }
  return cycle;
}

function together(all: readonly SimulatedElement[], options: HdaOptions & { readonly mostCycles: number }): number {
  const { depth = 64, latency, listens = () => true, mostCycles } = options;
  const mesh = new AsyncMesh({ ...usualEngine, nodes: all.length, depth, credits: depth }, latency);
  let checked = false;
  for (let ended = false; !ended; mesh.step()) {
    if (mesh.cycle >= mostCycles)
      throw new MitsuError(`the search did not end within ${mostCycles} cycles`, { code: "ERR_HDA_CYCLES", hint: "raise mostCycles" });
    ended = true;
    for (let n = 0; n < all.length; n++) {
      const one = all[n]!;
      one.clock(mesh.nodes[n]!, listens(n, mesh.cycle));
      if (!one.element.ended) ended = false;
    }
    if (!checked && all[0]!.element.ended) {
      mustBeQuiet(all);
      checked = true;
    }
  }
  return mesh.cycle;
}

/** What no element could know by itself: nobody has work, and every message that counts has been taken. */
function mustBeQuiet(all: readonly SimulatedElement[]): void {
  const best = Math.min(...all.map(({ element }) => element.owner.incumbent));
  const working = all.findIndex(({ element }) => element.hasWork || element.owner.incumbent !== best);
  const underWay = all.reduce((sum, { element }) => sum + element.balance, 0);
  if (working !== -1 || underWay !== 0)
    throw new MitsuError(`the search was ended with ${underWay} messages under way, element ${working} at work`, {
      code: "ERR_HDA_EARLY",
      hint: "this is a bug of the termination detection: tell the domain, the options and the seed",
    });
}

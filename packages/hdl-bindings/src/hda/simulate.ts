/**
 * HDA* in cycles: a hybrid of elements whose work is a counted behavioural model, and of engines, a crossbar and links that are simulated in every cycle: the RTL's own
 * model (rtl/async_mesh.sv, by {@link openRtlMesh}), or its twin, which does the same in the same cycles.
 *
 * @module
 */
import { MitsuError } from "@mitsu/cli/error";
import type { Domain } from "./domain.ts";
import { type MakeMesh, twinMesh } from "./mesh.ts";
import type { Message } from "./message.ts";
import { type Cycles, SimulatedElement, usualCycles } from "./simulated-element.ts";

/** How to search. */
export interface HdaOptions {
  /** Processing elements, 1 to 31; to 16 in RTL. One that is alone sends nothing: its cycles are added up without a mesh. */
  readonly elements: number;
  /** Cycles of each link. */
  readonly latency: number;
  /** An element that sent a message waits for its completion before it goes on. */
  readonly blocking?: boolean;
  /** Messages a ring, a power of two. */
  readonly depth?: number;
  readonly cycles?: Cycles;
  /** The twin unless told; the RTL's model from {@link openRtlMesh}. */
  readonly mesh?: MakeMesh;
  /** Nodes of the mesh, those without an element silent; as many as elements unless told. */
  readonly nodes?: number;
  /** Is told of each message that comes out of a receive ring. */
  readonly onDelivery?: (cycle: number, message: Message) => void;
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
 * `ERR_RTL_PARAMETER` for a mesh that the RTL would not elaborate; `ERR_HDA_ELEMENTS` for less than one element.
 * @example
 * ```ts
 * simulateHda(korf(12, 35), { elements: 16, latency: 10 }).cost; // 35
 * ```
 */
export function simulateHda(domain: Domain, options: HdaOptions): HdaOutcome {
  const { elements, blocking = false, cycles = usualCycles, mostCycles = 2 ** 40 } = options;
  if (!Number.isInteger(elements) || elements < 1)
    throw new MitsuError(`cannot search with ${elements} elements`, { code: "ERR_HDA_ELEMENTS", hint: "give a whole number from 1" });
  const all = Array.from({ length: elements }, (_, number) => new SimulatedElement(domain, number, elements, cycles, blocking));
  const taken = elements === 1 ? alone(all[0]!, mostCycles) : together(all, { ...options, mostCycles });
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

const tooLong = (mostCycles: number): MitsuError =>
  new MitsuError(`the search did not end within ${mostCycles} cycles`, { code: "ERR_HDA_CYCLES", hint: "raise mostCycles" });

/** An element that is alone sends nothing, so that its cycles need only be added up. */
function alone(one: SimulatedElement, mostCycles: number): number {
  for (let cycle = 1; ; cycle++) {
    one.work();
    if (one.element.ended) return cycle;
    cycle += one.skip();
    if (cycle >= mostCycles) throw tooLong(mostCycles);
  }
}

function together(all: readonly SimulatedElement[], options: HdaOptions & { readonly mostCycles: number }): number {
  const { depth = 64, latency, listens = () => true, mostCycles, mesh: make = twinMesh, nodes = all.length, onDelivery } = options;
  const mesh = make(Math.max(nodes, all.length), depth, latency);
  if (onDelivery) for (const one of all) one.onDelivery = (message) => onDelivery(mesh.cycle, message);
  let checked = false;
  for (let ended = false; !ended; mesh.step()) {
    if (mesh.cycle >= mostCycles) throw tooLong(mostCycles);
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

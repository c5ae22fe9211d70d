/** One element of the simulation: an {@link Element} with the cycles that its work takes, and its host's side of an async_engine. @module */
import type { Domain } from "./domain.ts";
import { Element } from "./element.ts";
import type { MeshNode } from "./mesh.ts";
import { type Message, messageOf, wordOf } from "./message.ts";

/**
 * Cycles of each piece of work. Expansion, table and priority queue are a behavioural model: these figures are assumed, each for the reason beside it, and not taken from RTL.
 * Pieces of work of one element follow each other, none overlap: an element with more stages at once would be like one of {@link scaledCycles}.
 */
export interface Cycles {
  /**
   * To take the best state: always, and for each level of the open list's heap. A heap with a memory for each level begins an operation while others are still going down;
   * 4: a level reads both children, compares, writes the less one up and passes the hole on. With memories of two ports one begins in nearly every cycle, at more cost.
   * [A. Ioannou, M. Katevenis, Pipelined Heap (Priority Queue) Management for Advanced Scheduling in High-Speed Networks, IEEE/ACM Transactions on Networking 15, 2007]
   */
  readonly pop: number;
  readonly popLevel: number;
  /**
   * To make one successor, with its hash and heuristic; 4: the new state, then the two words of the Zobrist table and the two distances that the moved tile changes, from
   * memories with one port.
   */
  readonly generate: number;
  /** To look a state up in the table; 4: block RAM with registers at its address and its output, the comparison, the write of the new cost. In DRAM it would be tens. */
  readonly lookUp: number;
  /** To put a kept state into the open list: always, and for each level; 2: going down from the root an insertion compares with one node a level, and writes the greater on. */
  readonly push: number;
  readonly pushLevel: number;
  /** To take a message that is no state, or to pass the token; 2: read a register and compare, write it. */
  readonly control: number;
}

/** A pipelined heap, which takes the same time whatever it holds: a speed-up with these comes from the elements alone. */
export const usualCycles: Cycles = { pop: 4, popLevel: 0, generate: 4, lookUp: 4, push: 2, pushLevel: 0, control: 2 };

/**
 * A heap in one memory, walked level by level: smaller open lists are faster ones, and so n elements may be more than n times as fast as one. Going down, a level is two
 * reads and a write that overlaps the next level's, 2; going up from the last place one read and such a write, 1, as if every insertion went to the top.
 */
export const heapCycles: Cycles = { ...usualCycles, pop: 0, popLevel: 2, push: 0, pushLevel: 1 };

/**
 * All work by a factor quicker or slower, the engines and links as they are: how much a speed-up hangs on the assumed costs.
 *
 * @example
 * ```ts
 * scaledCycles(0.5).push; // 1
 * ```
 */
export function scaledCycles(factor: number, cycles: Cycles = usualCycles): Cycles {
  const { pop, popLevel, generate, lookUp, push, pushLevel, control } = cycles;
  const of = (count: number): number => Math.ceil(count * factor);
  return {
    ...{ pop: of(pop), popLevel: of(popLevel), generate: of(generate), lookUp: of(lookUp) },
    ...{ push: of(push), pushLevel: of(pushLevel), control: of(control) },
  };
}

/** How an element spent its cycles. */
export interface Spent {
  /** Expanding and taking states. */
  busy: number;
  /** With something to do, but held up by communication: no place for a message, or (blocking) its completion not here. */
  stalled: number;
  /** Nothing to do but to wait for messages. */
  idle: number;
}

const outboxPlaces = 8;
const inboxPlaces = 64;

/** See {@link SimulatedElement.clock} and {@link SimulatedElement.work}. */
export class SimulatedElement {
  readonly element: Element;
  readonly spent: Spent = { busy: 0, stalled: 0, idle: 0 };
  messages = 0;
  /** Is told of each message when its last word was read from the receive ring. */
  onDelivery: ((message: Message) => void) | undefined;
  readonly #cycles: Cycles;
  readonly #number: number;
  readonly #blocking: boolean;
  /** Cycles left of what is being done. */
  #left = 0;
  /** Messages of the last piece of work, not yet handed over. */
  readonly #made: Message[] = [];
  /** Handed over, being written into the submission ring; word of the first one. */
  readonly #outbox: Message[] = [];
  #outWord = 0;
  /** Read from the receive ring; words of the next one. */
  readonly #inbox: Message[] = [];
  readonly #words: [number, number, number, number] = [0, 0, 0, 0];
  #inWord = 0;
  #uncompleted = 0;

  constructor(domain: Domain, number: number, elements: number, cycles: Cycles, blocking: boolean) {
    this.element = new Element(domain, number, elements, (message) => this.#made.push(message));
    this.#cycles = cycles;
    this.#number = number;
    this.#blocking = blocking;
    this.element.begin();
  }

  /** Messages between this element and its engine. */
  get held(): number {
    return this.#made.length + this.#outbox.length + this.#inbox.length + (this.#inWord > 0 ? 1 : 0);
  }

  /**
   * One cycle: sets the engine's inputs from its outputs and from what the element does.
   *
   * @param listens False withholds the receive ring's reader: for adversarial tests.
   */
  clock(engine: MeshNode, listens: boolean): void {
    // The last edge.
    if (engine.subValid && this.#subReady) this.#wordGone();
    if (engine.rcvReady && this.#rcvValid) this.#wordCame();
    if (this.#cplValid) this.#uncompleted--;
    this.work();
    // The next edge.
    const first = this.#outbox[0];
    engine.subValid = first !== undefined;
    engine.doorbell = this.#outWord === 3;
    if (first) {
      engine.subData = wordOf(first, this.#outWord, this.#number);
      engine.subDest = first.to;
    }
    engine.rcvReady = listens && this.#inbox.length < inboxPlaces;
    engine.cplReady = true;
    this.#subReady = engine.subReady;
    this.#rcvValid = engine.rcvValid;
    this.#cplValid = engine.cplValid;
    if (this.#rcvValid) this.#words[this.#inWord] = engine.rcvData;
  }

  // The engine's outputs before the coming edge: with these a handshake is decided.
  #subReady = false;
  #rcvValid = false;
  #cplValid = false;

  #wordGone(): void {
    this.#outWord = (this.#outWord + 1) & 3;
    if (this.#outWord === 0) this.#outbox.shift();
  }

  #wordCame(): void {
    this.#inWord = (this.#inWord + 1) & 3;
    if (this.#inWord !== 0) return;
    const message = messageOf(this.#number, this.#words[0], this.#words[1], this.#words[2]);
    this.onDelivery?.(message);
    this.#inbox.push(message);
  }

  /** The element's own cycle, without an engine: all there is when it is alone. */
  work(): void {
    if (this.#left > 0) {
      this.#left--;
      this.spent.busy++;
      return;
    }
    this.#handOver();
    const waits = this.#made.length > 0 || (this.#blocking && this.#uncompleted > 0);
    // Taking a state in needs no place in the outbox, so it goes on while waiting: else all could wait for each other. Blocking, it does so only when it must.
    if (this.#inbox.length > 0 && (!waits || !this.#blocking || this.#inbox.length === inboxPlaces))
      this.#takeMessage(this.#inbox.shift()!);
    else if (waits) this.spent.stalled++;
    else if (this.element.ended) this.spent.idle++;
    else if (this.element.hasWork) this.#expand();
    else if (this.element.holdsToken) {
      this.element.passToken();
      this.#begin(this.#cycles.control);
    } else this.spent.idle++;
  }

  /** Cycles until {@link SimulatedElement.work} decides again, for an element that is alone. */
  skip(): number {
    const cycles = this.#left;
    this.spent.busy += cycles;
    this.#left = 0;
    return cycles;
  }

  #begin(cycles: number): void {
    this.#left = cycles - 1;
    this.spent.busy++;
  }

  #handOver(): void {
    while (this.#made.length > 0) {
      const free = this.#blocking ? this.#uncompleted === 0 && this.#outbox.length === 0 : this.#outbox.length < outboxPlaces;
      if (!free) return;
      this.#outbox.push(this.#made.shift()!);
      this.#uncompleted++;
      this.messages++;
    }
  }

  #takeMessage(message: Message): void {
    const { work } = this.element;
    const { lookUp, push, pushLevel, control } = this.#cycles;
    work.lookedUp = work.kept = work.generated = 0;
    const { levels } = this.element.owner;
    this.element.receive(message);
    this.#begin(Math.max(control, work.lookedUp * lookUp + work.kept * (push + pushLevel * levels)));
  }

  #expand(): void {
    const { work } = this.element;
    const { pop, popLevel, generate, lookUp, push, pushLevel } = this.#cycles;
    work.lookedUp = work.kept = work.generated = 0;
    const { levels } = this.element.owner;
    this.element.expand();
    this.#begin(pop + popLevel * levels + generate * work.generated + lookUp * work.lookedUp + (push + pushLevel * levels) * work.kept);
  }
}

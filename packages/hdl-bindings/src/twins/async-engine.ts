/** Twin of rtl/async_engine.sv, cycle by cycle. What each part is for stands there. @module */
import { MitsuError } from "@mitsu/cli/error";
import { AsyncRing } from "./async-engine-ring.ts";

/** The parameters of the RTL, and what it takes at reset. */
export interface AsyncEngineOptions {
  /** Words a message, a power of two from 2. */
  readonly beats: number;
  /** Messages a ring, a power of two. */
  readonly depth: number;
  /** Engines on the link, 2 to 31. */
  readonly nodes: number;
  /** Messages on the way to each peer at most; cut to depth / (nodes - 1). */
  readonly credits: number;
  /** Events until an interrupt; 0 is taken as 1. */
  readonly irqCount: number;
  /** Cycles from the first event until an interrupt; 0 is never. */
  readonly irqCycles: number;
}

/** Four beats a message, rings of 64, two nodes, all credits, an interrupt for each event. */
export const usualEngine: AsyncEngineOptions = { beats: 4, depth: 64, nodes: 2, credits: 64, irqCount: 1, irqCycles: 0 };

const powerOfTwo = (value: number): boolean => Number.isInteger(value) && value > 0 && (value & (value - 1)) === 0;

/**
 * One engine. Set the inputs, call {@link AsyncEngine.clock}, read the outputs: they are those after the edge.
 *
 * @throws {MitsuError} `ERR_RTL_PARAMETER` for what the RTL would not elaborate.
 * @example
 * ```ts
 * const engine = new AsyncEngine({ ...usualEngine, nodes: 4 });
 * Object.assign(engine, { subValid: true, subData: 1, subDest: 3, doorbell: true });
 * engine.clock(true, false, 0, 0, 0);
 * ```
 */
export class AsyncEngine {
  // Inputs.
  subValid = false;
  subData = 0;
  subDest = 0;
  doorbell = false;
  rcvReady = false;
  cplReady = false;
  irqAck = false;
  // Outputs that are registers.
  /** A bit for each peer. */
  creditOut = 0;
  cplValid = false;
  cplDest = 0;
  irq = false;
  overflow = false;

  readonly #options: AsyncEngineOptions;
  readonly #submission: AsyncRing;
  readonly #reception: AsyncRing;
  readonly #left: Int32Array;
  readonly #due: Int32Array;
  #dueSum = 0;
  #reserved = 0;
  #subBeat = 0;
  #rung = false;
  #txBeat = 0;
  #txDest = 0;
  #turn = 0;
  #rxBeat = 0;
  #rcvBeat = 0;
  #events = 0;
  #waited = 0;

  constructor(options: AsyncEngineOptions) {
    const { beats, depth, nodes } = options;
    if (!powerOfTwo(beats) || beats < 2 || !powerOfTwo(depth) || nodes < 2 || nodes > Math.min(31, depth + 1))
      throw new MitsuError(`cannot make an engine of ${beats} beats, depth ${depth} and ${nodes} nodes`, {
        code: "ERR_RTL_PARAMETER",
        hint: "beats is a power of two from 2, depth a power of two, nodes 2 to 31 and at most depth + 1",
      });
    this.#options = options;
    this.#submission = new AsyncRing(depth * beats);
    this.#reception = new AsyncRing(depth * beats);
    this.#left = new Int32Array(nodes);
    this.#due = new Int32Array(nodes);
    this.reset();
  }

  get subReady(): boolean {
    return this.#submission.ready;
  }
  get txFirst(): boolean {
    return this.#txBeat === 0;
  }
  get txLast(): boolean {
    return this.#txBeat === this.#options.beats - 1;
  }
  get txDest(): number {
    return this.#txBeat === 0 ? this.#submission.headPeer : this.#txDest;
  }
  get txData(): number {
    return this.#submission.headData;
  }
  get txValid(): boolean {
    if (!this.#submission.headValid) return false;
    return this.#txBeat !== 0 || (this.#left[this.txDest]! > 0 && this.#reserved !== this.#options.depth);
  }
  get rcvValid(): boolean {
    return this.#reception.headValid;
  }
  get rcvData(): number {
    return this.#reception.headData;
  }
  get rcvSrc(): number {
    return this.#reception.headPeer;
  }
  get rcvLast(): boolean {
    return this.#rcvBeat === this.#options.beats - 1;
  }
  /** Words in the submission ring and the receive ring: what a test asks that looks for messages left behind. */
  get wordsHeld(): number {
    return this.#submission.held + this.#reception.held;
  }

  reset(): void {
    const { depth, nodes, credits } = this.#options;
    this.#submission.reset();
    this.#reception.reset();
    this.#left.fill(Math.min(credits, Math.floor(depth / (nodes - 1))));
    this.#due.fill(0);
    this.#dueSum = this.#reserved = this.#subBeat = this.#txBeat = this.#txDest = this.#turn = 0;
    this.#rxBeat = this.#rcvBeat = this.#events = this.#waited = 0;
    this.#rung = this.cplValid = this.irq = this.overflow = false;
    this.creditOut = this.cplDest = 0;
  }

  /**
   * One rising edge.
   *
   * @param txReady The link takes the word on `tx`.
   * @param creditIn A bit for each peer.
   */
  clock(txReady: boolean, rxValid: boolean, rxSrc: number, rxData: number, creditIn: number): void {
    const { beats, depth, irqCount, irqCycles } = this.#options;
    const dest = this.txDest;
    const txTake = txReady && this.txValid;
    const taken = this.#clockCompletions();
    if (txTake) {
      if (this.#txBeat === 0) {
        this.#left[dest]!--;
        this.#reserved++;
      }
      this.#txBeat = (this.#txBeat + 1) & (beats - 1);
    }
    this.#txDest = dest;
    this.#clockSubmission(txTake);
    if (creditIn !== 0) this.#takeCredits(creditIn);

    // Reception; the order matters: what the edge does is decided by what stood before it.
    const rxEnd = rxValid && this.#rxBeat === beats - 1;
    const rcvTake = this.rcvReady && this.#reception.headValid;
    this.creditOut = rcvTake && this.rcvLast ? 1 << this.#reception.headPeer : 0;
    if (rxValid && !this.#reception.ready) this.overflow = true;
    if (rxValid || rcvTake || this.#reception.held > 0) this.#reception.clock(rxValid, rxData, rxSrc, rxEnd, this.rcvReady);
    else this.#reception.headValid = false;
    if (rxValid) this.#rxBeat = (this.#rxBeat + 1) & (beats - 1);
    if (rcvTake) this.#rcvBeat = (this.#rcvBeat + 1) & (beats - 1);

    const news = (rxEnd ? 1 : 0) + (taken ? 1 : 0);
    const next = (this.irqAck ? 0 : this.#events) + news;
    const due = next !== 0 && (next >= irqCount || (irqCycles !== 0 && this.#waited >= irqCycles));
    if (this.irqAck || (this.#events === 0 && news === 0)) this.#waited = 0;
    else if (this.#waited < 0xffff) this.#waited++;
    this.irq = due || (this.irq && !this.irqAck);
    this.#events = Math.min(next, 4 * depth);
  }

  /** @returns whether a completion came into the output register. */
  #clockCompletions(): boolean {
    if (this.cplValid && !this.cplReady) return false;
    if (this.cplValid) this.#reserved--;
    this.cplValid = this.#dueSum > 0;
    if (!this.cplValid) return false;
    const nodes = this.#due.length;
    let pick = this.#turn;
    while (this.#due[pick] === 0) pick = pick + 1 === nodes ? 0 : pick + 1;
    this.cplDest = pick;
    this.#turn = pick + 1 === nodes ? 0 : pick + 1;
    this.#due[pick]!--;
    this.#dueSum--;
    return true;
  }

  #clockSubmission(txTake: boolean): void {
    const ring = this.#submission;
    const take = this.subValid && ring.ready;
    const whole = (take && this.#subBeat === this.#options.beats - 1) || (this.#subBeat === 0 && !take);
    const ask = this.doorbell || this.#rung;
    if (take || ask || ring.held > 0) ring.clock(this.subValid, this.subData, this.subDest, ask && whole, txTake);
    else ring.headValid = false;
    this.#rung = ask && !whole;
    if (take) this.#subBeat = (this.#subBeat + 1) & (this.#options.beats - 1);
  }

  #takeCredits(creditIn: number): void {
    for (let rest = creditIn; rest !== 0; rest &= rest - 1) {
      const peer = 31 - Math.clz32(rest & -rest);
      this.#left[peer]!++;
      this.#due[peer]!++;
      this.#dueSum++;
    }
  }
}

/** Twin of rtl/async_pair.sv: two engines over a link, with the ports of the RTL by their own names. @module */
import { AsyncEngine, usualEngine } from "./async-engine.ts";
import { AsyncLink } from "./async-engine-link.ts";

/** The parameters of the RTL. */
export interface AsyncPairOptions {
  readonly beats?: number;
  readonly depth?: number;
}

/**
 * Two engines, `a` and `b`. Inputs and outputs are named as the RTL's ports, so that one test drives either; `latency`, `credits`, `irq_count` and `irq_cycles` count from the
 * next {@link AsyncPair.reset} on. One-bit ports are 0 or 1.
 *
 * @throws {MitsuError} `ERR_RTL_PARAMETER` for what the RTL would not elaborate.
 * @example
 * ```ts
 * const pair = new AsyncPair();
 * pair.latency = 50;
 * pair.reset();
 * pair.a_sub_valid = 1;
 * pair.step();
 * ```
 */
export class AsyncPair {
  latency = 1;
  credits = 64;
  irq_count = 1;
  irq_cycles = 0;
  a_sub_valid = 0;
  a_sub_data = 0;
  a_doorbell = 0;
  a_rcv_ready = 0;
  a_cpl_ready = 0;
  a_irq_ack = 0;
  b_sub_valid = 0;
  b_sub_data = 0;
  b_doorbell = 0;
  b_rcv_ready = 0;
  b_cpl_ready = 0;
  b_irq_ack = 0;
  /** Rising edges since the last reset. */
  cycle = 0;
  readonly #options: AsyncPairOptions;
  #a!: AsyncEngine;
  #b!: AsyncEngine;
  /** Messages and credits, towards b and towards a. */
  #links!: readonly [AsyncLink, AsyncLink, AsyncLink, AsyncLink];

  constructor(options: AsyncPairOptions = {}) {
    this.#options = options;
    this.reset();
  }

  get a_sub_ready(): number {
    return Number(this.#a.subReady);
  }
  get a_rcv_valid(): number {
    return Number(this.#a.rcvValid);
  }
  get a_rcv_data(): number {
    return this.#a.rcvData;
  }
  get a_rcv_last(): number {
    return Number(this.#a.rcvLast);
  }
  get a_cpl_valid(): number {
    return Number(this.#a.cplValid);
  }
  get a_irq(): number {
    return Number(this.#a.irq);
  }
  get b_sub_ready(): number {
    return Number(this.#b.subReady);
  }
  get b_rcv_valid(): number {
    return Number(this.#b.rcvValid);
  }
  get b_rcv_data(): number {
    return this.#b.rcvData;
  }
  get b_rcv_last(): number {
    return Number(this.#b.rcvLast);
  }
  get b_cpl_valid(): number {
    return Number(this.#b.cplValid);
  }
  get b_irq(): number {
    return Number(this.#b.irq);
  }
  get overflow(): number {
    return Number(this.#a.overflow) | (Number(this.#b.overflow) << 1);
  }

  reset(): void {
    const { credits, irq_count: irqCount, irq_cycles: irqCycles } = this;
    const options = { ...usualEngine, ...this.#options, nodes: 2, credits, irqCount, irqCycles };
    this.#a = new AsyncEngine(options);
    this.#b = new AsyncEngine(options);
    const link = (): AsyncLink => new AsyncLink(this.latency);
    this.#links = [link(), link(), link(), link()];
    this.cycle = 0;
  }

  /** @param count Rising edges. */
  step(count = 1): void {
    const [a, b] = [this.#a, this.#b];
    const [toB, toA, creditsToB, creditsToA] = this.#links;
    for (let nth = 0; nth < count; nth++) {
      a.subValid = this.a_sub_valid === 1;
      a.subData = this.a_sub_data;
      a.subDest = 1;
      a.doorbell = this.a_doorbell === 1;
      a.rcvReady = this.a_rcv_ready === 1;
      a.cplReady = this.a_cpl_ready === 1;
      a.irqAck = this.a_irq_ack === 1;
      b.subValid = this.b_sub_valid === 1;
      b.subData = this.b_sub_data;
      b.doorbell = this.b_doorbell === 1;
      b.rcvReady = this.b_rcv_ready === 1;
      b.cplReady = this.b_cpl_ready === 1;
      b.irqAck = this.b_irq_ack === 1;
      const [aValid, aData, aCredit] = [a.txValid, a.txData, a.creditOut];
      const [bValid, bData, bCredit] = [b.txValid, b.txData, b.creditOut];
      a.clock(true, toA.outValid, 1, toA.outData, creditsToA.outValid ? 2 : 0);
      b.clock(true, toB.outValid, 0, toB.outData, creditsToB.outValid ? 1 : 0);
      toB.clock(aValid, aData, 0);
      toA.clock(bValid, bData, 0);
      creditsToB.clock(aCredit !== 0, 0, 0);
      creditsToA.clock(bCredit !== 0, 0, 0);
      this.cycle++;
    }
  }
}

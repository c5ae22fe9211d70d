/** Twin of rtl/async_mesh.sv: engines over a crossbar and links. @module */
import { AsyncEngine, type AsyncEngineOptions } from "./async-engine.ts";
import { AsyncLink } from "./async-engine-link.ts";

/**
 * n engines. Set the inputs of {@link AsyncMesh.nodes}, call {@link AsyncMesh.step}, read their outputs.
 *
 * @throws {MitsuError} `ERR_RTL_PARAMETER` for what the RTL would not elaborate.
 * @example
 * ```ts
 * const mesh = new AsyncMesh({ ...usualEngine, nodes: 16, credits: 4 }, 10);
 * mesh.nodes[0].subValid = true;
 * mesh.step();
 * ```
 */
export class AsyncMesh {
  readonly nodes: readonly AsyncEngine[];
  /** Rising edges since the last reset. */
  cycle = 0;
  readonly #messages: readonly AsyncLink[];
  readonly #credits: readonly AsyncLink[];
  /** Which node has each output's arbiter, -1 for none; whose turn is next. */
  readonly #holder: Int32Array;
  readonly #turn: Int32Array;
  // Of the running cycle: whose word goes to each output (-1 for none), with the word; whether each input's word is taken; each node's credits.
  readonly #winner: Int32Array;
  readonly #word: Uint32Array;
  readonly #taken: Uint8Array;
  readonly #creditIn: Int32Array;

  /** @param latency Cycles of each link, from 1. */
  constructor(options: AsyncEngineOptions, latency: number) {
    const each = <T>(make: () => T): T[] => Array.from({ length: options.nodes }, make);
    this.nodes = each(() => new AsyncEngine(options));
    this.#messages = each(() => new AsyncLink(latency));
    this.#credits = each(() => new AsyncLink(latency));
    this.#holder = new Int32Array(options.nodes).fill(-1);
    this.#turn = new Int32Array(options.nodes);
    this.#winner = new Int32Array(options.nodes);
    this.#word = new Uint32Array(options.nodes);
    this.#taken = new Uint8Array(options.nodes);
    this.#creditIn = new Int32Array(options.nodes);
  }

  /** Words that are anywhere between a host's push and a host's pop. */
  get wordsInside(): number {
    return this.nodes.reduce((sum, node) => sum + node.wordsHeld, 0) + this.#messages.reduce((sum, link) => sum + link.inFlight, 0);
  }

  reset(): void {
    for (const part of [...this.nodes, ...this.#messages, ...this.#credits]) part.reset();
    this.#holder.fill(-1);
    this.#turn.fill(0);
    this.cycle = 0;
  }

  /** One rising edge. */
  step(): void {
    const { nodes } = this;
    this.#arbitrate();
    this.#creditIn.fill(0);
    for (let from = 0; from < nodes.length; from++) {
      const link = this.#credits[from]!;
      if (link.outValid)
        for (let rest = link.outData; rest !== 0; rest &= rest - 1) this.#creditIn[31 - Math.clz32(rest & -rest)]! |= 1 << from;
    }
    for (let n = 0; n < nodes.length; n++) {
      const [node, message, credit] = [nodes[n]!, this.#messages[n]!, this.#credits[n]!];
      const gone = node.creditOut;
      node.clock(this.#taken[n] === 1, message.outValid, message.outPeer, message.outData, this.#creditIn[n]!);
      message.clock(this.#winner[n] !== -1, this.#word[n]!, this.#winner[n]!);
      credit.clock(gone !== 0, gone, 0);
    }
    this.cycle++;
  }

  /** Decides which input's word each output takes, and moves the arbiters on. */
  #arbitrate(): void {
    const { nodes } = this;
    const count = nodes.length;
    this.#winner.fill(-1);
    this.#taken.fill(0);
    // The nearest asker from `turn` on wins; a holder's words go first.
    for (let n = 0; n < count; n++) {
      const node = nodes[n]!;
      if (!node.txValid) continue;
      const to = node.txDest;
      const holder = this.#holder[to]!;
      if (holder !== -1) {
        if (holder === n) this.#winner[to] = n;
        continue;
      }
      const turn = this.#turn[to]!;
      const best = this.#winner[to]!;
      if (best === -1 || (n - turn + count) % count < (best - turn + count) % count) this.#winner[to] = n;
    }
    for (let to = 0; to < count; to++) {
      const winner = this.#winner[to]!;
      if (winner === -1) continue;
      const node = nodes[winner]!;
      this.#taken[winner] = 1;
      this.#word[to] = node.txData;
      this.#holder[to] = node.txLast ? -1 : winner;
      if (node.txLast) this.#turn[to] = winner + 1 === count ? 0 : winner + 1;
    }
  }
}

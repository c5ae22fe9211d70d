/** Decides when this node's state goes out: at once while it changes, ever more seldom while it does not, and never into a queue. @module */
import { figure, type NodeState, nodeFigures } from "./node-state.ts";
import { StateEncoder } from "./state-message.ts";

/** Where messages go. */
export interface Sink {
  /** `full`: earlier bytes wait still. `down`: nobody is there. */
  readonly room: () => "open" | "full" | "down";
  /** Writes a message, called only while there is room; the bytes are overwritten once there is room again. */
  readonly send: (bytes: Buffer, retain: boolean) => void;
}

/** When the state goes out. */
export interface PublisherOptions {
  /** Between two messages while something changes, milliseconds; 1 unless told. */
  readonly fastMs?: number;
  /** While nothing does; 100 unless told. */
  readonly slowMs?: number;
  /** Between two retained messages, from which newcomers learn at once; 1000 unless told. */
  readonly snapshotMs?: number;
  /** Called before each message: echoes are written here. */
  readonly prepare?: (state: NodeState, nowMs: number) => void;
}

/** What counts as a change: of requests in flight 1 and a tenth, of times a fifth, of failures a twentieth; of the node, whose figures are never still, queues by 2 and a quarter, shares by a fifth. */
const moved = (now: number, then: number, least: number, share: number): boolean =>
  // NaN, not known, is a change only when it comes or goes.
  Number.isNaN(now) !== Number.isNaN(then) || Math.abs(now - then) >= Math.max(least, share * then);

/** Figures that are counts; the others are shares. */
const counted: ReadonlySet<number> = new Set([figure.runQueue, figure.nicQueue, figure.nicDrops, figure.nicSqueezes]);

/**
 * Sends a state whenever {@link Publisher.tick} finds that it is time.
 *
 * @example
 * ```ts
 * const publisher = new Publisher(state, bus, { prepare: (own, nowMs) => table.writeEchoes(own.echoes, nowMs) });
 * const timer = setInterval(() => publisher.tick(now()), 1);
 * ```
 */
export class Publisher {
  /** Messages that went out, those of them retained; those that could not as earlier bytes waited, and as there was no broker. */
  sent = 0;
  snapshots = 0;
  dropped = 0;
  unsent = 0;
  /** Until the next message if nothing changes. */
  intervalMs: number;
  readonly #state: NodeState;
  readonly #sink: Sink;
  readonly #encoder = new StateEncoder();
  readonly #options: Required<PublisherOptions>;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #snapshotAtMs = Number.NEGATIVE_INFINITY;
  #version = -1;
  /** What was last sent: six figures a replica, in rows. */
  #rows = new Float64Array(0);
  readonly #figures = new Float64Array(nodeFigures.length).fill(Number.NaN);

  constructor(state: NodeState, sink: Sink, options: PublisherOptions = {}) {
    this.#state = state;
    this.#sink = sink;
    this.#options = { fastMs: 1, slowMs: 100, snapshotMs: 1000, prepare: () => {}, ...options };
    this.intervalMs = this.#options.fastMs;
  }

  /** Looks whether it is time, and sends. */
  tick(nowMs: number): "sent" | "quiet" | "dropped" | "unsent" {
    const { fastMs, snapshotMs } = this.#options;
    const sinceMs = nowMs - this.#sentAtMs;
    // Timers fire up to a clock tick early: half a millisecond more would halve the rate.
    if (sinceMs < fastMs * 0.9) return "quiet";
    const changed = this.#changed();
    if (changed) this.intervalMs = fastMs;
    else if (sinceMs < this.intervalMs) return "quiet";
    const room = this.#sink.room();
    // Nothing is kept for later: when there is room again, the state of that moment goes; when the broker is back, at once.
    if (room === "down") {
      this.unsent++;
      this.#over(changed, nowMs);
      return "unsent";
    }
    if (room === "full") {
      this.dropped++;
      return "dropped";
    }
    const retain = nowMs - this.#snapshotAtMs >= snapshotMs;
    const state = this.#state;
    this.#options.prepare(state, nowMs);
    this.#over(changed, nowMs);
    state.sequence++;
    state.sentAtMs = nowMs;
    state.intervalMs = Math.min(0xffff, Math.ceil(this.intervalMs));
    this.#sink.send(this.#encoder.encode(state), retain);
    this.sent++;
    if (retain) {
      this.#snapshotAtMs = nowMs;
      this.snapshots++;
    }
    return "sent";
  }

  /** The next message goes at once and is retained: the broker came back and may have forgotten. */
  resync(): void {
    this.#snapshotAtMs = Number.NEGATIVE_INFINITY;
    this.#sentAtMs = Number.NEGATIVE_INFINITY;
    this.intervalMs = this.#options.fastMs;
  }

  /** Its turn is over: the next one comes sooner or later. */
  #over(changed: boolean, nowMs: number): void {
    if (!changed) this.intervalMs = Math.min(this.intervalMs * 2, this.#options.slowMs);
    this.#sentAtMs = nowMs;
    this.#remember();
  }

  #changed(): boolean {
    const { replicas, figures } = this.#state;
    if (this.#version !== replicas.version) return true;
    const then = this.#rows;
    const { inFlight, serviceMs, latencyMs, failures, weight, flags } = replicas;
    for (let row = 0, at = 0; row < replicas.count; row++, at += 6) {
      if (moved(inFlight[row]!, then[at]!, 1, 0.1)) return true;
      if (flags[row] !== then[at + 5] || weight[row] !== then[at + 4]) return true;
      if (moved(serviceMs[row]!, then[at + 1]!, 0.1, 0.2) || moved(latencyMs[row]!, then[at + 2]!, 0.1, 0.2)) return true;
      if (moved(failures[row]!, then[at + 3]!, 0.05, 0)) return true;
    }
    for (let index = 0; index < nodeFigures.length; index++) {
      const count = counted.has(index);
      if (moved(figures[index]!, this.#figures[index]!, count ? 2 : 0.2, count ? 0.25 : 0)) return true;
    }
    return false;
  }

  #remember(): void {
    const { replicas, figures } = this.#state;
    if (this.#rows.length < replicas.count * 6) this.#rows = new Float64Array(replicas.flags.length * 6);
    const { inFlight, serviceMs, latencyMs, failures, weight, flags } = replicas;
    const then = this.#rows;
    for (let row = 0, at = 0; row < replicas.count; row++, at += 6) {
      then[at] = inFlight[row]!;
      then[at + 1] = serviceMs[row]!;
      then[at + 2] = latencyMs[row]!;
      then[at + 3] = failures[row]!;
      then[at + 4] = weight[row]!;
      then[at + 5] = flags[row]!;
    }
    this.#version = replicas.version;
    for (let index = 0; index < nodeFigures.length; index++) this.#figures[index] = figures[index]!;
  }
}

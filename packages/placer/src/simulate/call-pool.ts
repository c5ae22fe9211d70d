/** The calls in progress of a simulation: arrays and not objects, as a request makes dozens of calls, and millions of steps a second are wanted. @module */
import type { DeployedCall } from "./deployment.ts";

/** What stands for no call. */
export const nobody = -1;

/** Calls by number; a number is given again once its call is over. The arrays are replaced when they grow, so nobody may keep one. */
export class CallPool {
  operation: Int32Array<ArrayBuffer> = new Int32Array(1024);
  replica: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** The call that made it; {@link nobody} for a request's first. */
  parent: Int32Array<ArrayBuffer> = new Int32Array(1024);
  step: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** Answers that it waits for. */
  out: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** What its draws depend on. */
  key: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** The next one in a replica's queue, among the free, or among the calls that wait to be sent. */
  after: Int32Array<ArrayBuffer> = new Int32Array(1024).fill(nobody);
  /** Calls to send when the present part is over. */
  toSend: Int32Array<ArrayBuffer> = new Int32Array(1024).fill(nobody);
  /** 1 after its wait. */
  rested: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** 1 when what its next part begins with comes from outside of its node's cores: they may have been idle. */
  roused: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** 1 when the present part found a core idle. */
  woke: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** Of a request's first call: which of the counted requests it is; -1 for the others. */
  number: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** CPU seconds of each part of its work; of the messages that it got since the last. */
  part: Float64Array<ArrayBuffer> = new Float64Array(1024);
  extra: Float64Array<ArrayBuffer> = new Float64Array(1024);
  /** When it began to wait for a worker; of a request's first call, `came` says when the request came. */
  since: Float64Array<ArrayBuffer> = new Float64Array(1024);
  came: Float64Array<ArrayBuffer> = new Float64Array(1024);
  readonly call: DeployedCall[] = [];
  #capacity = 1024;
  #free = nobody;
  #used = 0;

  /** A number for a new call; what an older one left is still there. */
  take(): number {
    if (this.#free !== nobody) {
      const call = this.#free;
      this.#free = this.after[call]!;
      return call;
    }
    if (this.#used === this.#capacity) this.#grow();
    return this.#used++;
  }

  /** Gives a number back. */
  give(call: number): void {
    this.after[call] = this.#free;
    this.#free = call;
  }

  #grow(): void {
    this.#capacity *= 2;
    const ints = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(this.#capacity);
      grown.set(old);
      return grown;
    };
    const floats = (old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(this.#capacity);
      grown.set(old);
      return grown;
    };
    this.operation = ints(this.operation);
    this.replica = ints(this.replica);
    this.parent = ints(this.parent);
    this.step = ints(this.step);
    this.out = ints(this.out);
    this.key = ints(this.key);
    this.after = ints(this.after);
    this.toSend = ints(this.toSend);
    this.rested = ints(this.rested);
    this.roused = ints(this.roused);
    this.woke = ints(this.woke);
    this.number = ints(this.number);
    this.part = floats(this.part);
    this.extra = floats(this.extra);
    this.since = floats(this.since);
    this.came = floats(this.came);
  }
}

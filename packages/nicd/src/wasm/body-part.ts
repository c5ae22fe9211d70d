/** One filter's stage in the way of a body: what the guest's answers keep back, let go or throw away. @module */
import { type BodyAction, type ByteBuffer, bodyAction, FieldList, type FieldMap } from "@mitsu/proxy-wasm";
import type { BodySink, BodyStage, Trailers } from "../filters/body-stage.ts";
import type { Half } from "../live-exchange.ts";

/** What a stage asks of its exchange. */
export interface BodyPartOwner {
  /** Calls the guest. @returns Null when it has answered the exchange itself, or has failed: nothing is let go on then unless {@link BodyPart.letPass} was called. */
  onBody(half: Half, size: number, last: boolean): BodyAction | null;
  /** @returns Whether the trailers may go on; null as above. */
  onTrailers(half: Half): boolean | null;
  /** More is held back than it may. */
  onTooLong(half: Half): void;
  /** Reading may go on. */
  onRoom(half: Half): void;
}

const nothing = Buffer.alloc(0);
const none: Trailers = [];

/** See the module. The guest sees {@link buffer} and {@link trailerFields} during its callbacks. */
export class BodyPart implements BodyStage, ByteBuffer {
  readonly #owner: BodyPartOwner;
  readonly #half: Half;
  readonly #next: BodySink;
  readonly #most: number;
  /** Bytes that the guest has seen and stopped, and will not see again. */
  #kept: Buffer[] | null = null;
  #keptBytes = 0;
  /** What it sees now. */
  #view: Buffer = nothing;
  /** {@link #view} is in memory of its own. */
  #isOwn = true;
  #stopped = false;
  /** By `stopIterationAndBuffer`: it is to see what is in view once more. */
  #gathers = false;
  #last = false;
  #trailers: FieldList | null = null;
  #over = false;
  /** The guest is not asked any more. */
  #passes = false;
  #calling = false;

  /** @param most Bytes that may be held back. */
  constructor(owner: BodyPartOwner, half: Half, next: BodySink, most: number) {
    this.#owner = owner;
    this.#half = half;
    this.#next = next;
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#stopped && !this.#gathers && this.#keptBytes >= this.#most;
  }

  /** Something waits for the guest's word. */
  get isHeld(): boolean {
    return this.#stopped && !this.#over;
  }

  /** What the guest may read and change now; null outside its callbacks. */
  get buffer(): ByteBuffer | null {
    return this.#calling ? this : null;
  }

  /** Of a body that has ended; those that it adds follow the body. */
  get trailerFields(): FieldMap | null {
    if (!this.#calling || !this.#last) return null;
    this.#trailers ??= new FieldList([]);
    return this.#trailers;
  }

  // A body part is what the guest reads and changes. Not an object literal with a getter: V8 makes a shape for each of those, in the old generation,
  // and each shape kept its part, and the whole exchange, until the next full collection.

  get length(): number {
    return this.#view.length;
  }

  slice(start: number, length: number): Buffer {
    return this.#view.subarray(start, start + length);
  }

  splice(start: number, length: number, bytes: Uint8Array): void {
    this.#view = Buffer.concat([this.#view.subarray(0, start), bytes, this.#view.subarray(start + length)]);
    this.#isOwn = true;
  }

  data(piece: Buffer, last: boolean): void {
    if (this.#over) return;
    this.#last = last;
    if (this.#passes) {
      this.#release(piece);
      return;
    }
    if (this.#gathers && this.#view.length > 0) {
      this.#view = piece.length === 0 ? this.#view : Buffer.concat([this.#view, piece]);
      this.#isOwn = true;
    } else {
      this.#view = piece;
      this.#isOwn = false;
    }
    this.#calling = true;
    const said = this.#owner.onBody(this.#half, this.#view.length, last);
    this.#calling = false;
    if (said === null) {
      if (this.#passes) this.#release(this.#takeView());
      return;
    }
    switch (said) {
      case bodyAction.continue:
        this.#release(this.#takeView());
        break;
      case bodyAction.stopIterationAndBuffer:
        this.#stopped = true;
        this.#gathers = true;
        this.#own();
        if (this.#view.length + this.#keptBytes > this.#most) this.#owner.onTooLong(this.#half);
        break;
      case bodyAction.stopIterationAndWatermark:
        this.#stopped = true;
        this.#gathers = false;
        this.#own();
        this.#keep(this.#takeView());
        break;
      default:
        // Without a buffer, what was stopped is gone, as in Envoy.
        this.#stopped = true;
        this.#gathers = false;
        this.#view = nothing;
    }
  }

  trailers(fields: Trailers): void {
    if (this.#over) return;
    this.#last = true;
    this.#trailers = new FieldList(fields);
    if (!this.#passes) {
      this.#calling = true;
      const goes = this.#owner.onTrailers(this.#half);
      this.#calling = false;
      if (goes === null && !this.#passes) return;
      if (goes === false) {
        this.#stopped = true;
        return;
      }
    }
    this.#release(this.#takeView());
  }

  /** What was stopped goes on, unseen. */
  resume(): void {
    if (this.#over || !this.#stopped) return;
    this.#release(this.#takeView());
    this.#owner.onRoom(this.#half);
  }

  /** The guest is gone: all goes on as it is. */
  letPass(): void {
    this.#passes = true;
    if (!this.#calling) this.resume();
  }

  /** The exchange is over. */
  end(): void {
    this.#over = true;
    this.#kept = null;
    this.#view = nothing;
  }

  #own(): void {
    if (!this.#isOwn) this.#view = Buffer.from(this.#view);
    this.#isOwn = true;
  }

  #takeView(): Buffer {
    const view = this.#view;
    this.#view = nothing;
    return view;
  }

  #keep(bytes: Buffer): void {
    this.#kept ??= [];
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
  }

  /** Gives what was kept, and `bytes` behind it, to the next stage. */
  #release(bytes: Buffer): void {
    const all = this.#kept === null ? bytes : Buffer.concat([...this.#kept, bytes]);
    this.#kept = null;
    this.#keptBytes = 0;
    this.#stopped = false;
    this.#gathers = false;
    this.#over = this.#last;
    const trailers = this.#last && this.#trailers !== null ? this.#trailers.pairs() : none;
    const isAll = this.#last && trailers.length === 0;
    if (all.length > 0 || isAll) this.#next.data(all, isAll);
    if (trailers.length > 0) this.#next.trailers(trailers);
  }
}

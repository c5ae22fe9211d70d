/**
 * What a turn of the loop sends: bytes in a slab, and who gets which part. Parts that follow each other for the same receivers become one.
 * @module
 */
import type { DataPlane } from "../data-plane/data-plane.ts";

/** Where a part goes: one connection, or the members of a route of its plane. */
export interface Receiver {
  readonly plane: DataPlane;
  readonly id: number;
}

/** Connections of possibly several planes that get the same bytes. */
export class Audience {
  readonly #outbox: Outbox;
  readonly #routes: readonly { readonly plane: DataPlane; readonly route: number }[];
  readonly size: number;

  constructor(outbox: Outbox, members: readonly Receiver[]) {
    this.#outbox = outbox;
    this.size = members.length;
    const byPlane = new Map<DataPlane, number[]>();
    for (const { plane, id } of members) {
      const ids = byPlane.get(plane);
      if (ids) ids.push(id);
      else byPlane.set(plane, [id]);
    }
    this.#routes = [...byPlane].map(([plane, ids]) => ({ plane, route: plane.installRoute(Int32Array.from(ids)) }));
  }

  /** Hands the pending part over to the planes. */
  fan(slab: Buffer, start: number, end: number, messages: number, droppable: boolean): void {
    for (const { plane, route } of this.#routes) plane.fan(route, slab, start, end, messages, droppable);
  }

  /** To be called once; what is on its way in this turn still goes out. */
  release(): void {
    for (const { plane, route } of this.#routes) this.#outbox.afterFlush(() => plane.uninstallRoute(route));
  }
}

const slabBytes = 1 << 20;

/**
 * The turn's output.
 *
 * @example
 * ```ts
 * const at = outbox.reserve(packet.length);
 * outbox.slab.set(packet, at);
 * outbox.toAudience(audience, at, packet.length, true);
 * outbox.flush();
 * ```
 */
export class Outbox {
  /** Where to write what {@link reserve} gave. */
  slab: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  #used = 0;
  readonly #planes: DataPlane[] = [];
  readonly #afterFlush: (() => void)[] = [];
  readonly #whenKept: (() => void)[] = [];
  /** What parts of this turn lie in besides the slab: a native plane has only pointers, which keep nothing from being collected. */
  #holds: Buffer[] = [];
  // The part that may still grow.
  #audience: Audience | undefined;
  #start = 0;
  #end = 0;
  #messages = 0;
  #droppable = false;

  addPlane(plane: DataPlane): void {
    this.#planes.push(plane);
  }

  /** Room for so many bytes in {@link slab}, which may be another one afterwards. @returns Where they begin. */
  reserve(bytes: number): number {
    if (this.#used + bytes > this.slab.length) {
      this.#settle();
      this.#holds.push(this.slab);
      this.slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes));
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += bytes;
    return at;
  }

  /** All of an audience get one more message, which lies in the slab. */
  toAudience(audience: Audience, start: number, end: number, droppable: boolean): void {
    if (audience === this.#audience && start === this.#end && droppable === this.#droppable) {
      this.#end = end;
      this.#messages++;
      return;
    }
    this.#settle();
    this.#audience = audience;
    this.#start = start;
    this.#end = end;
    this.#messages = 1;
    this.#droppable = droppable;
  }

  /** One connection gets bytes of the slab, or of a buffer that stays as it is until the flush. */
  toOne(receiver: Receiver, start: number, end: number, messages: number, droppable: boolean, from: Buffer = this.slab): void {
    if (this.#audience !== undefined) this.#settle();
    if (from !== this.slab && from !== this.#holds.at(-1)) this.#holds.push(from);
    receiver.plane.send(receiver.id, from, start, end, messages, droppable);
  }

  /** Called when this turn's bytes are with the kernel. */
  afterFlush(call: () => void): void {
    this.#afterFlush.push(call);
  }

  /** Called after this turn's flush if a plane goes on to refer to what it was given. */
  whenKept(call: () => void): void {
    this.#whenKept.push(call);
  }

  /** Everything leaves. */
  flush(): void {
    this.#settle();
    let free = true;
    for (const plane of this.#planes) if (!plane.flush()) free = false;
    if (!free) {
      this.slab = Buffer.allocUnsafeSlow(slabBytes);
      for (const call of this.#whenKept) call();
    }
    this.#whenKept.length = 0;
    if (this.#holds.length > 0) this.#holds = [];
    this.#used = 0;
    if (this.#afterFlush.length > 0) for (const call of this.#afterFlush.splice(0)) call();
  }

  #settle(): void {
    const audience = this.#audience;
    if (audience === undefined) return;
    this.#audience = undefined;
    audience.fan(this.slab, this.#start, this.#end, this.#messages, this.#droppable);
  }
}

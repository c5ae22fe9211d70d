/**
 * A guest and what its host functions share: memory, the context they act on, what they may still spend, and what waits for the callback's end.
 *
 * @module
 */

import { MitsuError } from "@mitsu/cli";
import { alwaysAllowed, type Capability } from "../abi/capability.ts";
import type { AbiVersion, StreamType } from "../abi/types.ts";
import { type CallbackData, noData } from "./callback-data.ts";
import { ContextTable } from "./context-table.ts";
import { describeTrap, FilterTrap, HostWorkSpent } from "./filter-trap.ts";
import type { Fuel } from "./fuel.ts";
import { GuestContext } from "./guest-context.ts";
import { GuestMemory } from "./guest-memory.ts";
import { fuelPerBodyByte, type Limits } from "./limits.ts";
import type { PluginOptions, TrapReport } from "./plugin.ts";
import type { PluginHost } from "./plugin-host.ts";
import type { LocalResponse } from "./stream.ts";
import type { Memory } from "./web-assembly.ts";

/**
 * What host functions cost, in units of fuel (a quarter of a nanosecond or so each). They are paid from an account of their own, as large as the
 * callback's fuel: else a loop of calls, each cheap for the guest, could keep the host busy for long (`test/host/host-work.ts`).
 */
export const work = {
  /** Of any call; a byte that crosses the border is one more. */
  call: 200,
  /** Of one field that is read or written. */
  field: 500,
  /** Of each field of a map that crosses the border as a whole. */
  pair: 200,
  /** Of a property; a byte of its path is {@link work.pathByte}. */
  property: 2000,
  pathByte: 20,
  /** Of a line logged. */
  log: 3000,
  /** Of what leaves the filter: a call, a message, an entry of shared memory. */
  effect: 2000,
  /** Of a byte that is compressed, or taken of the random generator. */
  heavyByte: 40,
} as const;

/** The counter is a signed word of 32 bits. */
const largestFuel = 2 ** 31 - 1;

/** An exported function of the guest; undefined for one it does not have. */
export type Callback = ((...parameters: number[]) => unknown) | undefined;

/** What the guest asked for and gets when its callback is over. */
type Deferred =
  | { readonly what: "resume" | "close"; readonly context: GuestContext; readonly stream: StreamType }
  | { readonly what: "respond"; readonly context: GuestContext; readonly response: LocalResponse }
  | { readonly what: "done" };

/** See the module. */
export class Vm {
  readonly memory: GuestMemory = new GuestMemory();
  readonly options: PluginOptions;
  readonly host: PluginHost;
  readonly limits: Limits;
  readonly abi: AbiVersion;
  /** By number: those that `proxy_set_effective_context` may choose. */
  readonly contexts: ContextTable = new ContextTable();
  readonly root: GuestContext;
  /** Whom host functions act on. */
  effective: GuestContext;
  data: CallbackData = noData;
  trapped: TrapReport | null = null;
  /** Its root context was deleted: callbacks of late answers are dropped. */
  closed = false;
  /** `proxy_on_done` of the root answered "not yet". */
  donePending = false;
  /** It has said `proxy_done`. */
  onDone: () => void = () => {};
  /** Once. */
  onTrap: (report: TrapReport) => void = () => {};
  calls = 0;
  /** Of callbacks before the last one. */
  #fuelUsed = 0;
  denied = 0;
  /** Bytes that the callback may still take of the random generator. */
  randomLeft = 0;
  #fuelLimit: number;
  /** Of the callback that runs, or ran last. */
  #callbackFuel: number;
  /** It has had its first fuel. */
  #fuelled = false;
  #granted = 0;
  #fuel: Fuel | null = null;
  #depth = 0;
  #work = 0;
  #deferred: Deferred[] = [];
  readonly #allowed: ReadonlySet<string> | null;
  readonly #memoryBytes: number;

  constructor(abi: AbiVersion, options: PluginOptions, host: PluginHost) {
    this.abi = abi;
    this.options = options;
    this.host = host;
    this.limits = options.limits;
    this.#fuelLimit = Math.min(options.limits.startFuel, largestFuel);
    this.#callbackFuel = this.#fuelLimit;
    // What a start section calls, before anything is invoked, is paid from here.
    this.#work = this.#fuelLimit;
    this.root = new GuestContext(this.contexts.nextId(), null);
    this.effective = this.root;
    this.contexts.add(this.root);
    this.#allowed = options.capabilities === "all" ? null : new Set([...alwaysAllowed, ...options.capabilities]);
    this.#memoryBytes = options.limits.memoryBytes - (options.limits.memoryBytes % 65536);
  }

  /** @param fuel Null for a module without a counter. */
  attach(memory: Memory, allocate: (size: number) => number, fuel: Fuel | null): void {
    this.memory.attach(memory, allocate);
    this.#fuel = fuel;
  }

  /** What each callback may use from here on. */
  limitFuel(units: number): void {
    this.#fuelLimit = Math.min(units, largestFuel);
  }

  /** The next callback has so many bytes of a body to go through, and more fuel for it. */
  grant(bytes: number): void {
    this.#granted = bytes * fuelPerBodyByte;
  }

  allows(capability: Capability): boolean {
    return this.#allowed === null || this.#allowed.has(capability);
  }

  /** A host function is at work, or a callback. */
  get busy(): boolean {
    return this.#depth > 0;
  }

  /** A host function pays for what it does. */
  spend(units: number): void {
    this.#work -= units;
    if (this.#work < 0) throw new HostWorkSpent();
  }

  /** Runs later, when the guest's callback is over. */
  defer(deferred: Deferred): void {
    this.#deferred.push(deferred);
  }

  /** @throws {FilterTrap} It has trapped before. @throws {MitsuError} `ERR_FILTER_STOPPED`: an exchange must not pass as if the filter had seen it. */
  checkAlive(): void {
    if (this.trapped !== null) throw new FilterTrap(this.options.name, this.trapped);
    if (this.closed)
      throw new MitsuError(`filter ${this.options.name} was stopped`, {
        code: "ERR_FILTER_STOPPED",
        hint: "open streams on the plugin that came after it",
      });
  }

  /**
   * Calls the guest.
   *
   * @returns What it answers; 0 of a callback without a result.
   * @throws {FilterTrap} Then the plugin is unusable.
   */
  invoke(context: GuestContext, name: string, callback: (...parameters: number[]) => unknown, a = 0, b = 0, c = 0, d = 0, e = 0): number {
    this.checkAlive();
    const outer = this.effective;
    this.effective = context;
    if (this.#depth++ === 0) this.#refill();
    let answer: number;
    try {
      answer = (callback(a, b, c, d, e) as number) | 0;
    } catch (error) {
      this.#depth--;
      this.effective = outer;
      throw this.#trap(error, name);
    }
    this.effective = outer;
    if (--this.#depth === 0 && this.#deferred.length > 0) this.#runDeferred();
    return answer;
  }

  /** As {@link invoke}, with data at hand, and of a kind that nobody waits for: a trap is told to `onTrap` only. */
  deliver(name: string, callback: Callback, data: CallbackData, b = 0, c = 0, d = 0, e = 0): void {
    if (this.trapped !== null || this.closed || callback === undefined) return;
    if (this.#depth > 0) {
      // An answer that came from within a host function: never while the guest is at work.
      queueMicrotask(() => this.deliver(name, callback, data, b, c, d, e));
      return;
    }
    try {
      this.withData(data, name, callback, b, c, d, e);
    } catch (error) {
      if (!(error instanceof FilterTrap)) throw error;
    }
  }

  /** A callback of the root context, with data at hand. */
  withData(data: CallbackData, name: string, callback: (...parameters: number[]) => unknown, b = 0, c = 0, d = 0, e = 0): number {
    const outer = this.data;
    this.data = data;
    try {
      return this.invoke(this.root, name, callback, this.root.id, b, c, d, e);
    } finally {
      this.data = outer;
    }
  }

  /** Units that all callbacks have used. */
  get fuelUsed(): number {
    return this.#fuelled ? this.#fuelUsed + this.#callbackFuel - Math.max(0, this.#fuel!.get()) : 0;
  }

  #refill(): void {
    this.calls++;
    const units = Math.min(this.#fuelLimit + this.#granted, largestFuel);
    this.#granted = 0;
    this.#work = units;
    this.randomLeft = this.limits.randomBytes;
    if (this.#fuel !== null) {
      // One call of the guest: what the callback before has used is known only now.
      const left = this.#fuel.swap(units);
      if (this.#fuelled) this.#fuelUsed += this.#callbackFuel - left;
      this.#fuelled = true;
    }
    this.#callbackFuel = units;
  }

  #trap(error: unknown, name: string): FilterTrap {
    // A nested callback's trap has come through the guest once more.
    if (this.trapped === null) {
      const left = this.#fuel?.get() ?? 0;
      this.trapped = describeTrap(error, name, left < 0, this.memory.size >= this.#memoryBytes);
      this.#deferred = [];
      this.onTrap(this.trapped);
    }
    return new FilterTrap(this.options.name, this.trapped, error);
  }

  #runDeferred(): void {
    const all = this.#deferred;
    this.#deferred = [];
    for (const one of all) {
      if (one.what === "done") this.onDone();
      else if (one.context.ended) continue;
      else if (one.what === "respond") {
        const { stream } = one.context;
        if (stream !== null && !stream.respond(one.response)) stream.close(1);
      } else if (one.what === "resume") one.context.stream?.resume(one.stream);
      else one.context.stream?.close(one.stream);
    }
  }
}

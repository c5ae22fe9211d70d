/** A piece of work that a placement keeps running, wherever that is. @module */
import type { AnyWork, Work } from "./capability.ts";
import type { Cost, Device, Installed } from "./device.ts";
import type { Policy, Refusal } from "./placement-report.ts";

/** What its owner holds. */
export interface PlacedWork<Operations extends object> {
  /** What its owner calls it. */
  readonly name: string;
  /** Stays the same across moves, and may be kept: calls are answered throughout. A call takes 6 ns more than the device's own (`test/costs.ts`). */
  readonly operations: Operations;
  /** Where it runs now; undefined for nowhere. */
  readonly device: Device | undefined;
}

/**
 * Finds another place for a piece of work whose operation failed.
 *
 * @param beyond Devices that this call was beyond, with what they said; filled in.
 * @returns Whether the operation is to be tried again; false for an error that is the caller's.
 */
export type Rescue = (placed: Placed, error: unknown, beyond: Map<Device, string>) => boolean;

/** Operations by name, whatever they are. */
type Operations = Record<string, (...args: unknown[]) => unknown>;

/** The placement's side of it. */
export class Placed implements PlacedWork<object> {
  readonly name: string;
  policy: Policy;
  readonly operations: object;
  /** Its spec grows with what it holds. */
  work: AnyWork;
  device: Device | undefined;
  installed: Installed<object, unknown> | undefined;
  /** Kept while it runs nowhere. */
  state: unknown;
  why = "";
  cost: Cost | undefined;
  moves = 0;
  refused: readonly Refusal[] = [];
  /** Where calls go. */
  #current: Operations;
  /** Where they go while it runs nowhere: every one throws. */
  readonly #absent: Operations;

  constructor(name: string, work: Work<object, object, unknown>, policy: Policy, rescue: Rescue, nowhere: (placed: Placed) => Error) {
    this.name = name;
    this.work = work;
    this.policy = policy;
    this.state = work.capability.empty;
    const absent: Operations = {};
    const operations: Operations = {};
    for (const operation of work.capability.operations) {
      absent[operation] = () => {
        throw nowhere(this);
      };
      operations[operation] = (...args) => {
        let beyond: Map<Device, string> | undefined;
        for (;;) {
          const current = this.#current;
          try {
            return current[operation]!(...args);
          } catch (error) {
            // The call itself may have shown the device that it is gone, and the work has moved since.
            if (this.#current !== current && current !== absent) continue;
            beyond ??= new Map();
            if (!rescue(this, error, beyond)) throw error;
          }
        }
      };
    }
    this.#absent = absent;
    this.#current = absent;
    this.operations = operations;
  }

  /** It runs there from now on. */
  runOn(device: Device, installed: Installed<object, unknown>): void {
    this.device = device;
    this.installed = installed;
    this.state = undefined;
    this.#current = installed.operations as Operations;
  }

  /** It runs nowhere from now on; this is kept until it does. */
  keep(state: unknown): void {
    this.device = undefined;
    this.installed = undefined;
    this.cost = undefined;
    this.state = state;
    this.#current = this.#absent;
  }
}

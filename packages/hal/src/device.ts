/** What every device is, whatever is behind it: a kernel, a NIC's cores, an RTL model, or a program. @module */
import type { AnyWork, Work } from "./capability.ts";

/** Who a device is. */
export interface Identity {
  /** Its name, one of its own among the devices of a placement. */
  readonly name: string;
  /** What `hardware-only` and `software-only` go by. A simulated RTL model is hardware: it stands for it. */
  readonly kind: "hardware" | "software";
  /** Version of the device or its driver, as it is shown. */
  readonly version: string;
}

/** What one operation costs; see {@link cycleCost}. */
export interface Cost {
  /** Nanoseconds; what devices are compared by. */
  readonly ns: number;
  /** Clock cycles, where the device counts in them. */
  readonly cycles?: number;
}

/**
 * The cost of cycles at a clock.
 *
 * @example
 * ```ts
 * cycleCost(5, 250); // { ns: 20, cycles: 5 }
 * ```
 */
export function cycleCost(cycles: number, clockMhz: number): Cost {
  return { ns: (cycles * 1000) / clockMhz, cycles };
}

/** One capability of a device, as it stands now. */
export interface Offer {
  /** The capability's name and version. Whoever does not know them skips the offer. */
  readonly capability: string;
  readonly version: number;
  /** Entries that it has, and that are reserved. More reserved than there are means that it has lost some: work has to go. */
  readonly entries: { readonly most: number; readonly used: number };
  /** Its other limits by name, such as `keyBits`. */
  readonly limits: Readonly<Record<string, number>>;
  /** Of a usual operation. */
  readonly cost: Cost;
}

/** Why a device does not take a piece of work. */
export const refusalCodes = {
  /** It does not do this. */
  capability: "capability",
  /** It does, in another version. */
  version: "version",
  /** The spec is not one. */
  spec: "spec",
  /** It does this, but not so much, so wide, or in this way. */
  limit: "limit",
  /** Its entries are reserved by others. */
  full: "full",
  /** It is gone, or failed. */
  gone: "gone",
  /** The policy excludes its kind; said by a placement, never by a device. */
  policy: "policy",
} as const;

/** One of {@link refusalCodes}. */
export type RefusalCode = keyof typeof refusalCodes;

/** The answer of a dry run. */
export type Verdict =
  | { readonly ok: true; readonly cost: Cost }
  | { readonly ok: false; readonly code: RefusalCode; readonly reason: string };

/** Work that a device does: the handle to it. */
export interface Installed<Operations, State> {
  /** Valid until it is uninstalled. */
  readonly operations: Operations;
  /**
   * What would have to be installed elsewhere for work to go on as if nothing had happened. Changes nothing.
   * Answers from the host's memory when the device is gone too: a driver keeps what it told its device.
   */
  export(): State;
}

/**
 * A device. All of it is synchronous, so that work moves between two calls: what takes time (compiling, loading) is done before there is a device.
 *
 * @example
 * ```ts
 * const work = { capability: hash, spec: { algorithm: "toeplitz", key } } as const;
 * if (device.validate(work).ok) {
 *   const installed = device.install(work);
 *   installed.operations.hash(bytes);
 *   device.uninstall(installed);
 * }
 * ```
 */
export interface Device {
  readonly identity: Identity;
  /** What it can do now; empty when it is gone. */
  offers(): readonly Offer[];
  /** A dry run of {@link install}: the same answer, and nothing changes. */
  validate(work: AnyWork, state?: unknown): Verdict;
  /**
   * Begins work, with a state from elsewhere where one is given; all of it or nothing.
   *
   * @throws {MitsuError} `ERR_HAL_REFUSED` with the reason of {@link validate}.
   */
  install<Spec extends object, Operations extends object, State>(
    work: Work<Spec, Operations, State>,
    state?: State,
  ): Installed<Operations, State>;
  /** Ends it, and frees its entries. @throws {MitsuError} `ERR_HAL_HANDLE` for what is not installed here. */
  uninstall(installed: Installed<object, unknown>): void;
  /** Operations since it was opened, and what is reserved now, by `capability.what`. */
  counters(): Readonly<Record<string, number>>;
  /** Calls back when {@link offers} have changed by themselves, not by an install. @returns Ends it. */
  watch(listener: () => void): () => void;
}

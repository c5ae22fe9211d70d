/** What devices can do, by name: a value that carries the types of its specs, operations and state. @module */
import { didYouMean } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import type { FieldRule } from "./field-rule.ts";

/**
 * Something a device can do. Other packages make their own with {@link defineCapability}; nothing here has to know of them.
 *
 * @typeParam Spec What is asked for, plain data. A field `entries` is what is reserved on the device; without one, a piece of work takes one entry.
 * @typeParam Operations What the installed work offers: synchronous methods. One that throws has changed nothing.
 * @typeParam State What moves with the work from device to device: plain data that any device of this capability takes.
 */
export interface Capability<Spec extends object, Operations extends object, State> {
  /** Its name, in kebab-case. */
  readonly name: string;
  /** Raised when specs, operations or state change their meaning. */
  readonly version: number;
  /** What it does, in a line. */
  readonly about: string;
  /** Every field of a spec; one that is not here is refused. */
  readonly fields: Readonly<Record<string, FieldRule>>;
  /** Names of all operations. */
  readonly operations: readonly string[];
  /** The state of new work. */
  readonly empty: State;
  /** Entries that a state has. */
  count(state: State): number;
  /** Never there: it tells TypeScript what belongs together. */
  readonly types?: { readonly spec: Spec; readonly operations: Operations; readonly state: State };
}

/** Any capability. */
export type AnyCapability = Capability<object, object, unknown>;

/** A piece of work: a capability, and what of it is asked for. */
export interface Work<Spec extends object, Operations extends object, State> {
  readonly capability: Capability<Spec, Operations, State>;
  readonly spec: Spec;
}

/** Any piece of work. */
export type AnyWork = Work<object, object, unknown>;

/**
 * A capability with its rules checked against its types.
 *
 * @example
 * ```ts
 * const echo = defineCapability<{ entries: number }, { echo(text: string): string }, null>({
 *   name: "echo", version: 1, about: "says it again", fields: { entries: integer(1, 8) }, operations: ["echo"], empty: null, count: () => 0,
 * });
 * ```
 */
export function defineCapability<Spec extends object, Operations extends object, State>(
  capability: Omit<Capability<Spec, Operations, State>, "fields" | "operations" | "types"> & {
    readonly fields: { readonly [Field in keyof Spec]-?: FieldRule };
    readonly operations: readonly (keyof Operations & string)[];
  },
): Capability<Spec, Operations, State> {
  return capability;
}

/** How a capability is called in reports and counters: `hash`, and `hash@2` from its second version on. */
export function capabilityLabel({ name, version }: { readonly name: string; readonly version: number }): string {
  return version === 1 ? name : `${name}@${version}`;
}

/** Entries that a piece of work takes of a device. */
export function entriesOf({ spec }: AnyWork): number {
  return "entries" in spec ? (spec.entries as number) : 1;
}

/** What is wrong with a spec, naming the field; undefined where nothing is. Reads own fields only. */
export function specFault({ capability, spec }: AnyWork): string | undefined {
  if (typeof spec !== "object" || spec === null) return "a spec is an object";
  const fields = Object.keys(capability.fields);
  for (const field of Object.keys(spec)) {
    if (Object.hasOwn(capability.fields, field)) continue;
    const meant = didYouMean(field, fields);
    return `unknown field ${JSON.stringify(field)}; ${meant ? `did you mean ${meant}?` : `it has ${fields.join(", ")}`}`;
  }
  for (const [field, rule] of Object.entries(capability.fields)) {
    const fault = rule(Object.hasOwn(spec, field) ? (spec as Record<string, unknown>)[field] : undefined);
    if (fault !== undefined) return `${field} ${fault}`;
  }
  return undefined;
}

/** What an operation throws that needs more entries than were reserved: a placement then finds more room, and asks again. */
export function fullError(what: string): MitsuError {
  return new MitsuError(`${what}: no entry is left`, { code: "ERR_HAL_FULL", hint: "ask for more entries, or remove some" });
}

/** What an operation throws that is right, but beyond this device (a filter of too many levels): a placement then tries others. */
export function limitError(what: string): MitsuError {
  return new MitsuError(what, { code: "ERR_HAL_LIMIT", hint: "place the work on a device with wider limits" });
}

/** What an operation throws whose device went away: a placement then goes on elsewhere. */
export function goneError(device: string, cause?: unknown): MitsuError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new MitsuError(`device ${device} is gone${why}`, { code: "ERR_HAL_GONE", hint: "place the work on another device", cause });
}

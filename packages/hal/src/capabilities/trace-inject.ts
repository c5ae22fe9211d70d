/** The context of a trace, put into messages as they pass; what sockhijack's kernel path does. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer } from "../field-rule.ts";

/** How much of it. */
export interface TraceInjectSpec {
  /** Traced services. */
  readonly entries: number;
}

/** How a service is traced. */
export interface TraceSettings {
  /** In the message, as a `traceparent`, or beside its bytes. */
  readonly propagation: "header" | "side-band";
  /** Share of the traces beginning there that are sampled, 0 to 1. */
  readonly sampling: number;
}

/** A service and how it is traced. */
export interface TracedService extends TraceSettings {
  readonly service: number;
}

/** What it does. Services go by numbers from 1 up that their owner gave them. */
export interface TraceInject {
  /**
   * Traces a service from now on, or in another way than before.
   *
   * @throws {MitsuError} `ERR_HAL_FULL`; `ERR_HAL_LIMIT` for a service that this device has no place for, and a propagation that it cannot.
   * @throws {RangeError} For a number, propagation or share that is none.
   */
  start(service: number, settings: TraceSettings): void;
  /** @returns Whether it was traced. */
  stop(service: number): boolean;
  /** How it is traced; undefined when it is not. */
  traces(service: number): TraceSettings | undefined;
}

/** Traced services, by their numbers. */
export const traceInject: Capability<TraceInjectSpec, TraceInject, readonly TracedService[]> = defineCapability<
  TraceInjectSpec,
  TraceInject,
  readonly TracedService[]
>({
  name: "trace-inject",
  version: 1,
  about: "puts a trace's context into messages",
  fields: { entries: integer(1, 2 ** 24) },
  operations: ["start", "stop", "traces"],
  empty: [],
  count: (state) => state.length,
});

/** What is wrong with a traced service; undefined where nothing is. For drivers. */
export function traceFault({ service, propagation, sampling }: TracedService): string | undefined {
  if (!Number.isInteger(service) || service < 1) return `service ${service} is not a whole number from 1 up`;
  if (propagation !== "header" && propagation !== "side-band") return `propagation ${String(propagation)} is not header or side-band`;
  if (!(sampling >= 0 && sampling <= 1)) return `a share is 0 to 1, not ${sampling}`;
  return undefined;
}

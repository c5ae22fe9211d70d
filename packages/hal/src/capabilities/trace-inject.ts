/** The context of a trace, put into messages as they pass; what sockhijack's kernel path does. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer, oneOf } from "../field-rule.ts";

/** How much of it. */
export interface TraceInjectSpec {
  /** Traced services. */
  readonly entries: number;
  /** In the message, as a `traceparent`, or beside its bytes. */
  readonly propagation: "header" | "side-band";
}

/** What it does. */
export interface TraceInject {
  /** Traces a service from now on. @throws {MitsuError} `ERR_HAL_FULL`. */
  start(service: number): void;
  /** @returns Whether it was traced. */
  stop(service: number): boolean;
  /** Whether it is. */
  traces(service: number): boolean;
}

/** Traced services, by their numbers. */
export const traceInject: Capability<TraceInjectSpec, TraceInject, readonly number[]> = defineCapability<
  TraceInjectSpec,
  TraceInject,
  readonly number[]
>({
  name: "trace-inject",
  version: 1,
  about: "puts a trace's context into messages",
  fields: { entries: integer(1, 2 ** 24), propagation: oneOf("header", "side-band") },
  operations: ["start", "stop", "traces"],
  empty: [],
  count: (state) => state.length,
});

/** A model of services, checked, with every default filled in: what requests do, how long it takes, what messages cost. Seconds and bytes throughout. @module */
import type { Law } from "@mitsu/simulation";
import type { CostModel } from "../problem/problem.ts";
import type { Scheduler } from "./node-cpu.ts";

/** A distribution that the form of a model has; seconds. */
export type ModelLaw = Exclude<Law, { readonly kind: "pareto" }>;

/** A service as a simulation sees it. */
export interface ModelService {
  readonly name: string;
  /** Calls that one replica works on at a time; others wait in the order they came. */
  readonly workers: number;
  /** `holding`: a worker is kept while its calls are out, as a thread that blocks; `free`: it takes another, as an event loop does. */
  readonly waits: "holding" | "free";
  /** Factor on the CPU time of its operations; 1 unless calibrated. */
  readonly scale: number;
}

/** A call that an operation makes. */
export interface ModelCall {
  /** Name of an operation. */
  readonly call: string;
  /** How often, all at the same time. */
  readonly times: number;
  /** Of each. */
  readonly probability: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** What a service does for a call. */
export interface ModelOperation {
  readonly name: string;
  readonly service: string;
  /** CPU time of a call, without what messages cost; split evenly before, between and after its steps. */
  readonly cpu: ModelLaw;
  /** Time that is no CPU time, such as a disk's, after the first part; null for none. */
  readonly wait: ModelLaw | null;
  /** One after the other; the calls of a step go out at the same time, and the next step begins when all are answered. */
  readonly steps: readonly (readonly ModelCall[])[];
}

/** A kind of request from outside. */
export interface ModelRequest {
  readonly name: string;
  /** Of all requests; the shares of a model sum to 1. */
  readonly share: number;
  readonly call: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** Cores of a node, and how fast they are. */
export interface ModelNode {
  readonly cores: number;
  /** Work a second and core; 1 is a core that service times were measured on. */
  readonly speed: number;
}

/** What a model was fitted to. */
export interface Calibration {
  /** Least and largest rate of the runs, requests a second. */
  readonly rates: readonly [number, number];
  /** Root mean square of relative errors over all figures of all runs; 0.1 is 10 %. */
  readonly error: number;
  /** Files of the runs. */
  readonly runs: readonly string[];
}

/** A model. */
export interface Model {
  readonly name: string;
  readonly services: readonly ModelService[];
  readonly operations: readonly ModelOperation[];
  readonly requests: readonly ModelRequest[];
  /** Null: the problem's. */
  readonly costs: CostModel | null;
  /** How long a message is on its way, one way, CPU time aside. */
  readonly network: { readonly local: number; readonly remote: number };
  /** CPU time of waking an idle core and of going to sleep again, for each part of a call that a message from another node begins on one, after the part is done: why requests cost less when there are many. */
  readonly wake: number;
  readonly scheduler: Scheduler;
  /** Added to every response time: what the measuring client itself takes. */
  readonly overhead: number;
  /** By name; null: as the problem has them. */
  readonly nodes: Readonly<Record<string, ModelNode>> | null;
  /** Null: written by hand. */
  readonly calibrated: Calibration | null;
}

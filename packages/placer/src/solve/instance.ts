/** A problem as solvers want it: numbers for names, typed arrays in place of objects. Made by `compile.ts`. @module */
import type { Problem } from "../problem/problem.ts";

/** Domains that a rule speaks of: nodes with the same value of a label. */
export interface Topology {
  /** `node`, `zone`, or a label's key. */
  readonly name: string;
  /** `Int32Array[nodes]`: domain of each node, or -1 where the label is missing. */
  readonly domainOf: Int32Array;
  readonly domains: number;
}

/** A rule on where replicas may stand to each other. `weight` is null for a must, else 0 to 1 (a hundredth of the file's weight). */
export type Rule =
  | {
      readonly kind: "affinity" | "antiAffinity";
      readonly service: number;
      readonly other: number;
      /** Index into {@link Instance.topologies}. */
      readonly topology: number;
      readonly weight: number | null;
    }
  | {
      readonly kind: "spread";
      readonly service: number;
      readonly topology: number;
      readonly maxSkew: number;
      readonly weight: number | null;
    };

/** The figures of what is to be solved. Nodes, services and replicas are numbered as in the problem; replicas of a service follow each other. */
export interface Figures {
  readonly nodes: number;
  readonly services: number;
  readonly replicas: number;
  readonly resources: number;
  /** `Int32Array[services + 1]`: the first replica of each service, and the end. */
  readonly firstReplica: Int32Array;
  /** `Int32Array[replicas]`. */
  readonly serviceOf: Int32Array;
  /** `Float64Array[nodes × resources]`, what may be used: `--max-utilisation` is in it, and one part in 10¹² for rounding. */
  readonly capacity: Float64Array;
  /** `Float64Array[nodes × resources]`, all there is. */
  readonly wholeCapacity: Float64Array;
  /** `Float64Array[services × resources]`, what one replica reserves. */
  readonly demand: Float64Array;
  /** `Uint8Array[services × nodes]`: 1 where names, selector, taints and size allow a replica. */
  readonly allowed: Uint8Array;
  /** `Float32Array[services × nodes]`, 0 to 1 a replica: how little its wishes and preferring taints like that node; null when nothing is wished. */
  readonly unwanted: Float32Array | null;
  /** `Int32Array[replicas]`: the node it must run on, or -1. */
  readonly pinned: Int32Array;
  /** `Int32Array[replicas]`: the node it runs on now, or -1. */
  readonly present: Int32Array;
  /** Pairs of different services that talk, each once, whatever the direction. */
  readonly edges: {
    readonly a: Int32Array;
    readonly b: Int32Array;
    /** `Float64Array[edges]`: cores saved when all of it stays on its nodes. Not negative. */
    readonly saving: Float64Array;
  };
  /** Cores that all traffic costs if all of it crosses nodes; a service's traffic with itself is left out. */
  readonly remoteCores: number;
  readonly topologies: readonly Topology[];
  readonly rules: readonly Rule[];
  /** `Float64Array[services]`: bytes that a move of one replica carries. */
  readonly moveBytes: Float64Array;
}

/** What is to be solved: figures, and the problem they come from, for names. */
export interface Instance extends Figures {
  readonly problem: Problem;
}

/** How `compile` reads a problem. */
export interface CompileOptions {
  /** Share of each capacity that may be used, above 0 to 1; 1 unless told. */
  readonly maxUtilisation?: number;
  /** What a replica reserves: its request, a measured figure, or the larger of request and p95; what is missing is taken from the other. `requests` unless told. */
  readonly reserve?: "requests" | "mean" | "p95" | "p99" | "larger";
}

/** Where each replica goes: `Int32Array[replicas]` of nodes; -1 for one that a baseline could not place. */
export type NodeOf = Int32Array;

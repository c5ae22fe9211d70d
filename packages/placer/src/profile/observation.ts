/** What one source saw: the form that all sources of a profile share. @module */
import type { Demand } from "../problem/problem.ts";

/** One ordered pair as one source saw it. */
export interface ObservedEdge {
  /** Who asks. */
  readonly from: string;
  readonly to: string;
  /** Messages both ways, each second. */
  readonly messagesPerSecond: number;
  /** Payload both ways, each second; null when the source does not tell. */
  readonly bytesPerSecond: number | null;
  /** The messages are estimated, not counted one by one. */
  readonly estimated: boolean;
  /** Where it was seen: `jaeger:traces.json`; the observation's source unless told. */
  readonly sources?: readonly string[];
}

/** One service as one source saw it. */
export interface ObservedService {
  readonly name: string;
  /** How many replicas were seen; undefined when the source cannot tell. */
  readonly replicas?: number;
  /** What one replica used, by resource. */
  readonly demand: Readonly<Record<string, Demand>>;
}

/** What one source saw. */
export interface Observation {
  /** As in an edge's `sources`: `sockhijack`, `pcap:dump.pcap`. */
  readonly source: string;
  /** `count`: it meets every message; `sample`: some of them, scaled up. */
  readonly kind: "count" | "sample";
  /** Some of the traffic cannot be seen from there: what sockhijack redirects passes no interface, so no packet tells of it. */
  readonly partial?: boolean;
  /** Time observed. */
  readonly seconds: number;
  readonly edges: readonly ObservedEdge[];
  readonly services: readonly ObservedService[];
  /** Records read: packets, spans, samples, readings. */
  readonly records: number;
  /** Of them, those that could not be read or used. */
  readonly skipped: number;
  /** What a person must know, one sentence each. */
  readonly notices: readonly string[];
}

/** Where a source stands while it works. */
export interface ReadOptions {
  /** Ends a measurement early; what was measured is kept. */
  readonly signal: AbortSignal;
  /** Called now and then with what to show. */
  readonly progress: (text: string) => void;
}

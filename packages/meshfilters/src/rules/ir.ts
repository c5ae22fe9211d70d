/** A rule set as every back end reads it: defaults filled in, names checked, first match wins. @module */
import type { IpPrefix } from "./ip-prefix.ts";

/** How a path is compared, without query: the whole, or its first steps (`/a` is the first step of `/a/b`, not of `/ab`; no `/` at its end). */
export interface PathMatch {
  readonly kind: "exact" | "prefix";
  readonly value: string;
}

/** A condition on the first header of a name, in lower case: its whole value, or null for any. */
export interface HeaderMatch {
  readonly name: string;
  readonly value: string | null;
}

/** Which requests a rule is about: all parts must match, of a list one of its items; an empty list matches all. */
export interface Match {
  /** In lower case without port; `*.example.com` is all below it. */
  readonly hosts: readonly string[];
  readonly paths: readonly PathMatch[];
  /** Upper case, compared as they are. */
  readonly methods: readonly string[];
  readonly headers: readonly HeaderMatch[];
  /** Who asks: names of services, and SPIFFE ids (`spiffe://…`). */
  readonly from: readonly string[];
  /** Where the connection comes from. */
  readonly sources: readonly IpPrefix[];
  /** Ports asked for, at the service's virtual address. */
  readonly ports: readonly number[];
}

/** A limit of requests, by the generic cell rate algorithm (ITU-T I.371): one each `intervalNs`, `burst` at once. */
export interface Limit {
  readonly intervalNs: bigint;
  readonly burst: number;
}

/** What happens to a request that matches. */
export interface Acts {
  /** Refused: with this HTTP status, or, for 0, by whatever means the device has (a refused connect, 403). Null: it goes on. */
  readonly deny: number | null;
  /** Headers of the request, in the order that they are changed; null removes. */
  readonly headers: readonly (readonly [name: string, value: string | null])[];
  /** Service that it goes to; empty for the one asked for. */
  readonly route: string;
  /** Beyond it 429. */
  readonly limit: Limit | null;
  /** Whether a metric counts it: `rules.<name>`. */
  readonly count: boolean;
  /** Share of the requests that are marked by the header `x-mitsu-sample`, of 2^32. */
  readonly sample: number;
}

/** One rule. */
export interface Rule {
  readonly name: string;
  readonly match: Match;
  readonly acts: Acts;
}

/** All rules of a file; the last one is the default and matches everything. */
export interface RuleSet {
  /** Services that they guard; empty for all. */
  readonly services: readonly string[];
  readonly rules: readonly Rule[];
}

/** Header that says which service a request is routed to: of the module to nicd's routes, never of a client. */
export const routeHeader = "x-mitsu-route";
/** Header that marks a sampled request, with the rule's name. */
export const sampleHeader = "x-mitsu-sample";
/** Name of the rule that decides where no other does. */
export const defaultName = "default";

/** A match of every request. */
export const matchAll: Match = { hosts: [], paths: [], methods: [], headers: [], from: [], sources: [], ports: [] };
/** Lets a request pass, and does nothing else. */
export const allow: Acts = { deny: null, headers: [], route: "", limit: null, count: false, sample: 0 };

/** Whether a rule does no more than let pass. */
export function onlyAllows({ deny, headers, route, limit, count, sample }: Acts): boolean {
  return deny === null && headers.length === 0 && route === "" && limit === null && !count && sample === 0;
}

/** Whether a rule does no more than refuse, by whatever means. */
export function onlyDenies({ deny, limit, count, sample }: Acts): boolean {
  return deny === 0 && limit === null && !count && sample === 0;
}

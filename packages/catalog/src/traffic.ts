/** What `mesh.yaml` says of a service's requests, after parsing: routes, how replicas are called, who may ask what. Times in ms, sizes in bytes. @module */
import type { SelectorName, SelectorOptions } from "@mitsu/selector";

/** Compares text: the whole of it, its beginning, or by a regular expression that must match the whole (RE2's subset: no back references, no look-around). */
export type TextMatch =
  | { readonly kind: "exact"; readonly value: string }
  | { readonly kind: "prefix"; readonly value: string }
  | { readonly kind: "regex"; readonly value: string }
  /** Present, whatever it says. */
  | { readonly kind: "present" };

/** A condition on one header or query parameter. Header names are lower-case. */
export interface FieldMatch {
  readonly name: string;
  readonly match: TextMatch;
  /** True: the route matches when this does not, so also when there is no such field. */
  readonly invert: boolean;
}

/** Which requests a route or rule is about: all parts must match, an empty one matches all. */
export interface RequestMatch {
  /** Host names in lower case without port; `*.example.com` matches all below, `*` all. */
  readonly hosts: readonly string[];
  /** Of the path without query. A prefix matches at a `/` only: `/a` matches `/a` and `/a/b`, not `/ab`; it ends in no `/`, but for `/` itself, which matches all. */
  readonly path: TextMatch | null;
  /** Upper case. */
  readonly methods: readonly string[];
  readonly headers: readonly FieldMatch[];
  readonly query: readonly FieldMatch[];
  /** Ports at the virtual address. */
  readonly ports: readonly number[];
}

/** Where a share of a route's requests goes. */
export interface WeightedTarget {
  /** Name of a service. */
  readonly service: string;
  /** Share relative to the route's other targets, 0 to 1 000 000; at least one is over 0. */
  readonly weight: number;
}

/** Changes of headers, done in the order remove, set, add. Names are lower-case. */
export interface HeaderEdit {
  readonly remove: readonly string[];
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
}

/** Answers without asking a service: where to look instead. Parts that are null stay as the request has them. */
export interface RedirectAnswer {
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly scheme: "http" | "https" | null;
  readonly host: string | null;
  readonly port: number | null;
  /** Replaces the whole path, or, where the match is a prefix, `prefix` replaces that. */
  readonly path: PathRewrite | null;
}

/** A new path: all of it, or what the route's prefix is replaced with (no `/` at its end, but for `/` itself). The query stays. */
export type PathRewrite = { readonly kind: "full"; readonly value: string } | { readonly kind: "prefix"; readonly value: string };

/** An answer without asking a service. */
export interface DirectAnswer {
  readonly status: number;
  readonly body: string;
}

/** What counts as a failed try; the words are Envoy's (`retry_on`). */
export type RetryCondition = "5xx" | "gateway-error" | "connect-failure" | "reset" | "refused-stream" | "retriable-4xx";

/** How often a request is tried again. */
export interface RetryPolicy {
  /** Further tries after the first, 0 to 10. */
  readonly attempts: number;
  readonly on: readonly RetryCondition[];
  /** Of one try, 0 for none. */
  readonly perTryTimeoutMs: number;
  /** Before the nth retry: random from 0 to this × 2^(n-1), at most ten times this. */
  readonly backOffMs: number;
  /** Retries in flight in relation to requests in flight, 0 to 1: beyond it none is made. */
  readonly budget: number;
  /** Retries in flight that are allowed however few requests there are. */
  readonly leastInFlight: number;
}

/** Errors made on purpose, each for a share of the requests, 0 to 1. */
export interface Fault {
  readonly delay: { readonly share: number; readonly ms: number } | null;
  readonly abort: { readonly share: number; readonly status: number } | null;
}

/** A token bucket on this node: `requests` each `perMs`, at most `burst` at once; beyond it 429. */
export interface RateLimit {
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number;
}

/** What happens to requests that match; the first route that matches decides. */
export interface Route {
  /** Unique within the service; `routes[<index>]` when the file gives none. */
  readonly name: string;
  readonly match: RequestMatch;
  /** Services it goes to; empty is the service itself. */
  readonly to: readonly WeightedTarget[];
  readonly redirect: RedirectAnswer | null;
  readonly respond: DirectAnswer | null;
  /** A copy goes there, its answer is thrown away. */
  readonly mirror: { readonly service: string; readonly share: number } | null;
  readonly rewrite: { readonly host: string | null; readonly path: PathRewrite | null };
  readonly requestHeaders: HeaderEdit;
  readonly responseHeaders: HeaderEdit;
  /** From the head's end to the answer's end, all tries included; 0 for none. Beyond it 504. */
  readonly timeoutMs: number;
  readonly retries: RetryPolicy;
  readonly fault: Fault;
  readonly rateLimit: RateLimit | null;
  /** A body that is longer gets 413; 0 for no limit. */
  readonly maxRequestBytes: number;
  /** An answer that is longer is cut off, with 502 where nothing was sent yet; 0 for no limit. */
  readonly maxResponseBytes: number;
  /** Names of filters, in the order that requests pass them; those of the service follow. */
  readonly filters: readonly string[];
}

/** What of a request must be the same for the same replica to get it, while it can. */
export type StickyKey =
  | { readonly by: "header"; readonly name: string }
  | { readonly by: "cookie"; readonly name: string }
  /** The client's address. */
  | { readonly by: "source" };

/** What a replica is taken out of selection for (Envoy's outlier detection). */
export interface OutlierPolicy {
  /** Answers of 500 and above, failed connects and resets in a row; 0 for never. */
  readonly consecutiveErrors: number;
  /** How long at first; the nth time in a row n times that, at most ten times. */
  readonly ejectionMs: number;
  /** Share of a service's replicas that may be out at a time, 0 to 1; one may always. */
  readonly maxEjected: number;
}

/** How nicd calls a service's replicas: Envoy's cluster. */
export interface ClusterPolicy {
  /** How the replica of one request is chosen. */
  readonly selector: SelectorName;
  /** Those that the file gives; names and ranges are checked. */
  readonly selectorOptions: SelectorOptions;
  /** Null for none. */
  readonly stickyKey: StickyKey | null;
  /** `prefer`: replicas on this node come first while at least one of them is healthy. `auto` is that, but for selector mitsu, to which the way to a replica is a cost. */
  readonly locality: "auto" | "prefer" | "off";
  /** How long a new or recovered replica takes to get its full share; 0 for at once. */
  readonly slowStartMs: number;
  /** When a smaller share of the replicas is healthy, those that fail are asked too, 0 to 1. */
  readonly panicThreshold: number;
  readonly connectTimeoutMs: number;
  /** An unused connection to a replica is closed after it. */
  readonly idleTimeoutMs: number;
  /** Circuit breaker: to one replica from one worker. Beyond it requests wait, at most `maxPending`, else 503. */
  readonly maxConnections: number;
  readonly maxPending: number;
  /** Requests in flight to the whole service from one worker; beyond it 503. */
  readonly maxRequests: number;
  readonly outlier: OutlierPolicy;
}

/** A rule on who may ask what of a service. Deny rules are looked at first, then allow rules, then the service's default. */
export interface AuthorisationRule {
  /** Unique; `authorisation[<index>]` when the file gives none. */
  readonly name: string;
  readonly action: PolicyActionOfRequests;
  /** Server services; `*` is every service. */
  readonly to: readonly string[];
  /** Client services; `*` is every program, also one that belongs to no service. */
  readonly from: readonly string[];
  readonly match: RequestMatch;
  /** Only counts and logs what it would do. */
  readonly dryRun: boolean;
}

/** What an authorisation rule does with a request. */
export type PolicyActionOfRequests = "allow" | "deny";

/** What nicd takes the bytes of a connection for: `auto` looks at the first ones. */
export type ApplicationProtocol = "auto" | "http" | "tcp";

/** Whether a service's connections pass nicd: `auto` when anything here is about its requests. */
export type NicMode = "auto" | "on" | "off";

/** What of `mesh.yaml` is about one service's requests. */
export interface Traffic {
  readonly nic: NicMode;
  /** True: connections pass nicd. */
  readonly viaNic: boolean;
  /** What happens while nicd is not there: connections go to a replica directly, or are refused. */
  readonly withoutNic: "direct" | "refuse";
  readonly protocol: ApplicationProtocol;
  /** In the file's order; a last one that matches all and goes to the service itself is always there, named `default`. */
  readonly routes: readonly Route[];
  readonly cluster: ClusterPolicy;
  /** What happens to a request that no authorisation rule matches. */
  readonly authorisation: PolicyActionOfRequests;
  /** Names of filters that requests pass behind those of their route, and connections that are no HTTP. */
  readonly filters: readonly string[];
}

/** Between the nicds of two nodes: mutual TLS, unless the file says `plain-text` in so many words. */
export interface LinkPolicy {
  readonly security: "mtls" | "plain-text";
  /** Of the SPIFFE ids: `spiffe://<trust domain>/ns/mesh/sa/<service>`. */
  readonly trustDomain: string;
  /** Port that a nicd takes other nodes' links at (15008 as HBONE). */
  readonly port: number;
}

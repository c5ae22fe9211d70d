/** What holds for a service's requests when `mesh.yaml` says nothing of them: Envoy's values where Envoy has one. @module */
import type { ClusterPolicy, RequestMatch, RetryCondition, RetryPolicy, Route, Traffic } from "../traffic.ts";

/** Conditions of a retry that names none: the request did not reach a program that worked. */
export const defaultRetryOn: readonly RetryCondition[] = Object.freeze(["gateway-error", "connect-failure", "refused-stream", "reset"]);

/** No retries; one that is asked for gets these numbers. */
export const defaultRetries: RetryPolicy = Object.freeze({
  attempts: 0,
  on: defaultRetryOn,
  perTryTimeoutMs: 0,
  backOffMs: 25,
  budget: 0.2,
  leastInFlight: 3,
});

/** How replicas are called. */
export const defaultCluster: ClusterPolicy = Object.freeze({
  selector: "mitsu",
  selectorOptions: Object.freeze({}),
  stickyKey: null,
  locality: "auto",
  slowStartMs: 10_000,
  panicThreshold: 0.5,
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 3_600_000,
  maxConnections: 1024,
  maxPending: 1024,
  maxRequests: 1024,
  outlier: Object.freeze({ consecutiveErrors: 5, ejectionMs: 30_000, maxEjected: 0.1 }),
});

/** Of a whole request, in ms. */
export const defaultTimeoutMs = 15_000;

/** The match of every request. */
export const matchAll: RequestMatch = Object.freeze({
  hosts: Object.freeze([]),
  path: null,
  methods: Object.freeze([]),
  headers: Object.freeze([]),
  query: Object.freeze([]),
  ports: Object.freeze([]),
});

const noEdit = Object.freeze({ remove: Object.freeze([]), set: Object.freeze([]), add: Object.freeze([]) });

/**
 * A route that matches all and goes to the service itself, but for what `part` says.
 *
 * @example
 * ```ts
 * defaultRoute({ name: "canary", to: [{ service: "cart-v2", weight: 1 }] });
 * ```
 */
export function defaultRoute(part: Partial<Route> = {}): Route {
  return {
    name: "default",
    match: matchAll,
    to: [],
    redirect: null,
    respond: null,
    mirror: null,
    rewrite: { host: null, path: null },
    requestHeaders: noEdit,
    responseHeaders: noEdit,
    timeoutMs: defaultTimeoutMs,
    retries: defaultRetries,
    fault: { delay: null, abort: null },
    rateLimit: null,
    maxRequestBytes: 0,
    maxResponseBytes: 0,
    filters: [],
    ...part,
  };
}

/**
 * What holds for a service that says nothing of its requests, but for what `part` says. Routes of `part` are taken as they are: end them with {@link defaultRoute}.
 *
 * @example
 * ```ts
 * defaultTraffic({ nic: "on", viaNic: true }).routes[0].name; // default
 * ```
 */
export function defaultTraffic(part: Partial<Traffic> = {}): Traffic {
  return {
    nic: "auto",
    viaNic: false,
    withoutNic: "direct",
    protocol: "auto",
    routes: [defaultRoute()],
    cluster: defaultCluster,
    authorisation: "allow",
    filters: [],
    ...part,
  };
}

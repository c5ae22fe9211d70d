/** Which filters a route's requests pass, and in which order. @module */
import type { Route } from "@mitsu/catalog";
import type { Timers } from "@mitsu/reactor/timers";
import type { Authorise } from "./authorise.ts";
import { Chain } from "./chain.ts";
import { DirectAnswer } from "./direct-answer.ts";
import { FaultAbort } from "./fault-abort.ts";
import { FaultDelay } from "./fault-delay.ts";
import type { Filter } from "./filter.ts";
import { isNoEdit, RequestHeaderEdit, ResponseHeaderEdit } from "./header-edit.ts";
import { RateLimitFilter } from "./rate-limit.ts";
import { Redirect } from "./redirect.ts";
import { RequestSizeLimit } from "./request-size-limit.ts";
import { ResponseSizeLimit } from "./response-size-limit.ts";
import { Rewrite } from "./rewrite.ts";
import type { TokenBucket } from "./token-bucket.ts";

/** What chains are made from besides the route. */
export interface ChainParts {
  /** Null where the service is not traced. */
  readonly trace: Filter | null;
  /** One for the whole mesh; null for none. */
  readonly authorise: Authorise | null;
  readonly timers: Pick<Timers, "arm" | "disarm">;
  /** From 0, less than 1. */
  readonly random: () => number;
  /** Processes that share this node's rate limits. */
  readonly workers: number;
  /** Of the listener, the route and the service, in this order; they come last, so nearest to the service. */
  readonly filters: readonly Filter[];
  /** Those in WebAssembly that a route's requests pass, nearest to the service; none unless told. */
  readonly programs?: (route: Route) => readonly Filter[];
}

/**
 * The chain of a route; what has nothing to do is left out. The order: trace (so that every answer belongs to a trace), authorise (a stranger
 * uses up no one's limit), rate limit, faults (delay, then abort), redirect or direct answer, rewrite, header edits, size limits, further filters, filters in WebAssembly.
 *
 * @param service What is asked for.
 * @param bucket Of the route's rate limit.
 */
export function buildChain(service: string, route: Route, bucket: TokenBucket | null, parts: ChainParts): Chain {
  const { trace, authorise, random, timers } = parts;
  const { fault, redirect, respond, rewrite } = route;
  const filters: (Filter | false | null)[] = [
    trace,
    authorise?.concerns([service, ...route.to.map((target) => target.service)]) ? authorise : null,
    bucket && new RateLimitFilter(bucket),
    fault.delay && new FaultDelay(fault.delay, random, timers),
    fault.abort && new FaultAbort(fault.abort, random),
    redirect && new Redirect(redirect, route.match.path),
    respond && new DirectAnswer(respond),
    (rewrite.host !== null || rewrite.path !== null) && new Rewrite(route),
    !isNoEdit(route.requestHeaders) && new RequestHeaderEdit(route.requestHeaders),
    !isNoEdit(route.responseHeaders) && new ResponseHeaderEdit(route.responseHeaders),
    route.maxRequestBytes > 0 && new RequestSizeLimit(route.maxRequestBytes),
    route.maxResponseBytes > 0 && new ResponseSizeLimit(route.maxResponseBytes),
    ...parts.filters,
    ...(parts.programs?.(route) ?? []),
  ];
  return new Chain(filters.filter((filter) => filter !== null && filter !== false));
}

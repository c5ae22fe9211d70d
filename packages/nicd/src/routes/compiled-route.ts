/** A route made ready for requests. @module */
import type { Route } from "@mitsu/catalog";
import { RetryRule } from "../cluster/retry.ts";
import type { Chain } from "../filters/chain.ts";
import type { TokenBucket } from "../filters/token-bucket.ts";
import type { RequestMatcher } from "./request-matcher.ts";
import { WeightedTargets } from "./weighted-targets.ts";

/** A route, where its requests go and what they pass; made by `compileRoutes`. */
export class CompiledRoute {
  readonly route: Route;
  readonly matcher: RequestMatcher;
  readonly retry: RetryRule;
  readonly chain: Chain;
  /** Of its rate limit; the next table's route of the same name takes it over while the limit stays the same. */
  readonly bucket: TokenBucket | null;
  readonly #service: string;
  readonly #targets: WeightedTargets;

  /** @param service What was asked for; the target of a route that names none. */
  constructor(service: string, route: Route, matcher: RequestMatcher, bucket: TokenBucket | null, chain: Chain) {
    this.#service = service;
    this.route = route;
    this.matcher = matcher;
    this.retry = new RetryRule(route.retries);
    this.bucket = bucket;
    this.chain = chain;
    this.#targets = new WeightedTargets(route.to.length === 0 ? [{ service, weight: 1 }] : route.to);
  }

  /** The same with other filters. */
  with(chain: Chain): CompiledRoute {
    const made = new CompiledRoute(this.#service, this.route, this.matcher, this.bucket, chain);
    return made;
  }

  /** Name of the service that a request goes to. @param random From 0, less than 1. */
  pick(random: number): string {
    return this.#targets.pick(random);
  }
}

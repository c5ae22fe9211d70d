/** Refuses requests beyond a route's limit. @module */
import { flag, type LiveExchange, type Verdict, verdict } from "../live-exchange.ts";
import type { Filter } from "./filter.ts";
import type { TokenBucket } from "./token-bucket.ts";

/** 429 with Envoy's `x-envoy-ratelimited` and a `retry-after` in seconds. The clock is the exchange's beginning. */
export class RateLimitFilter implements Filter {
  readonly name = "rate-limit";
  /** Requests refused. */
  limited = 0;
  readonly #bucket: TokenBucket;

  constructor(bucket: TokenBucket) {
    this.#bucket = bucket;
  }

  onRequestHead(x: LiveExchange): Verdict {
    if (this.#bucket.take(x.startNs)) return verdict.continue;
    this.limited++;
    const seconds = Math.max(1, Math.ceil(this.#bucket.waitNs / 1e9));
    const headers = [
      ["x-envoy-ratelimited", "true"],
      ["retry-after", String(seconds)],
    ] as const;
    return x.respond({ status: 429, flag: flag.rateLimited, body: "local_rate_limited", headers });
  }
}

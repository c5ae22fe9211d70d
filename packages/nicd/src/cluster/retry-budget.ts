/** Keeps retries from adding to an overload. Source: Envoy's retry budget. @module */
import type { RetryPolicy } from "@mitsu/catalog";

/** Counts one cluster's retries in flight. */
export class RetryBudget {
  inFlight = 0;
  /** Retries so far. */
  made = 0;
  /** Retries that were not made. */
  exhausted = 0;

  /**
   * Takes a place for one retry; `give` it back when the retry has ended.
   *
   * @param requests In flight or waiting in the cluster.
   */
  take({ budget, leastInFlight }: Pick<RetryPolicy, "budget" | "leastInFlight">, requests: number): boolean {
    if (this.inFlight >= Math.max(leastInFlight, Math.floor(budget * requests))) {
      this.exhausted++;
      return false;
    }
    this.inFlight++;
    this.made++;
    return true;
  }

  /** Counts a retry that takes no place: no replica has seen the request yet, so it adds nothing to a load. */
  pass(): void {
    this.made++;
  }

  give(): void {
    this.inFlight--;
  }
}

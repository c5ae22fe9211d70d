/** What a cluster's policy says, in the terms of `@mitsu/selector`: nicd and replicad select alike. @module */
import { createSelector, type MembershipOptions, type Selector, Sticky } from "@mitsu/selector";
import type { ClusterPolicy } from "../traffic.ts";

/** An ejection lasts at most so many times the first one's time. [Envoy's, by its defaults of 30 s and 300 s] */
const longestEjections = 10;

/** Who may be asked. */
export function membershipOptions({ outlier, panicThreshold, slowStartMs }: ClusterPolicy): MembershipOptions {
  const { consecutiveErrors, ejectionMs, maxEjected } = outlier;
  return {
    failuresInRow: consecutiveErrors,
    ejectMs: ejectionMs,
    longestEjectMs: longestEjections * ejectionMs,
    mostEjected: maxEjected,
    panicBelow: panicThreshold,
    slowStartMs,
  };
}

/**
 * Who is asked.
 *
 * @param sticky Requests may have a key; as the policy says unless told.
 * @throws {MitsuError} `ERR_SELECTOR_OPTION`, which a catalog that was checked does not have.
 */
export function selectorOf({ selector, selectorOptions, stickyKey }: ClusterPolicy, sticky: boolean = stickyKey !== null): Selector {
  const made = createSelector(selector, selectorOptions);
  return sticky ? new Sticky(made) : made;
}

/** Differs where {@link selectorOf} would make another one: a reload that changes nothing of it keeps what the selector has learnt. */
export function recipeOf({ selector, selectorOptions, stickyKey }: ClusterPolicy): string {
  return JSON.stringify([selector, selectorOptions, stickyKey !== null]);
}

/** Whether replicas of this node come first. To mitsu the way is a cost among others. */
export function prefersNear({ locality, selector }: ClusterPolicy): boolean {
  return locality === "prefer" || (locality === "auto" && selector !== "mitsu");
}

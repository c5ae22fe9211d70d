/** Chooses the replica of a request. @module */
import type { Endpoint } from "./endpoint.ts";

/** What a selector may look at besides the candidates. */
export interface SelectionContext {
  /** Name of the service. */
  readonly service: string;
  /** Port at its virtual address. */
  readonly port: number;
  /** From 0, less than 1. */
  readonly random: () => number;
}

/**
 * Chooses among replicas. It is asked for each try, within the turn of the loop, so it answers from what it knows already: one whose scores come
 * by a socket keeps the last ones.
 */
export interface Selector {
  /**
   * One of the candidates; null when it has no opinion, and the cluster falls back on least request.
   *
   * @param candidates At least one, each with a weight over 0. The array stays the same until the set changes, so that a selector may prepare for it.
   */
  select<E extends Endpoint>(candidates: readonly E[], context: SelectionContext): E | null;
}

/** A cluster of 100 000 replicas on 2000 nodes, for tries of what a strategy bears. @module */
import type { Problem } from "../problem/problem.ts";
import { type IndustrialOptions, industrial } from "./industrial.ts";

/**
 * Makes one in a few seconds: {@link industrial} with 10 000 services and 8000 pairs that talk. Services that may not run everywhere are kept
 * to sizes of nodes by a selector, as lists of names would be most of the file.
 */
export function huge(options: IndustrialOptions = {}): Problem {
  const { nodes = 2000, replicas = 50 * nodes, services = Math.round(replicas / 10), requested = 0.8 } = options;
  return industrial({
    ...options,
    name: "huge",
    nodes,
    replicas,
    services,
    edges: options.edges ?? Math.round(services * 0.8),
    requested,
    restrictBy: "size",
  });
}

/** Where replicas run before anything is planned: spread out, without a look at the traffic, as a scheduler like Kubernetes' leaves them. @module */
import { MitsuError } from "@mitsu/cli/error";
import type { Quantities } from "../problem/problem.ts";
import type { Random } from "./random.ts";

interface Placeable {
  readonly name: string;
  readonly replicas: readonly string[];
  readonly requests: Quantities;
  /** Names of the nodes it may run on; null for all. */
  readonly nodes: readonly string[] | null;
}

/** So many nodes are looked at for each replica, drawn at random; more only where none of them has room. */
const looks = 48;

/**
 * Replica's name to node's name, within capacities and `nodes`. Of some nodes that fit, each replica takes one with few of its own service,
 * then one with much room left, with noise. Large ones go first, so that a nearly full cluster can be filled.
 *
 * @throws {MitsuError} `ERR_GENERATE_FULL` when something fits nowhere
 */
export function presentAssignment(
  nodes: readonly { readonly name: string; readonly capacity: Quantities }[],
  services: readonly Placeable[],
  random: Random,
): Record<string, string> {
  const resources = Object.keys(nodes[0]!.capacity);
  const width = resources.length;
  const capacity = Float64Array.from(nodes.flatMap((node) => resources.map((name) => node.capacity[name] ?? 0)));
  const used = new Float64Array(capacity.length);
  const indexOf = new Map(nodes.map(({ name }, i) => [name, i]));
  const everywhere = nodes.map((_, i) => i);
  const assignment: Record<string, string> = {};
  const own = new Int32Array(nodes.length);

  const order = services
    .map((_, s) => s)
    .sort((a, b) => (services[b]!.requests[resources[0]!] ?? 0) - (services[a]!.requests[resources[0]!] ?? 0));
  for (const s of order) {
    const service = services[s]!;
    const need = resources.map((name) => service.requests[name] ?? 0);
    const candidates = service.nodes === null ? everywhere : service.nodes.map((name) => indexOf.get(name)!);
    own.fill(0);
    const scoreOf = (node: number): number => {
      let fullest = 0;
      for (let r = 0; r < width; r++) {
        const after = used[node * width + r]! + need[r]!;
        if (after > capacity[node * width + r]! * (1 - 1e-9)) return Number.POSITIVE_INFINITY;
        fullest = Math.max(fullest, after / capacity[node * width + r]!);
      }
      return own[node]! + fullest + 0.15 * random.next();
    };
    for (const replica of service.replicas) {
      let best = -1;
      let least = Number.POSITIVE_INFINITY;
      const look = (node: number): void => {
        const score = scoreOf(node);
        if (score < least) [best, least] = [node, score];
      };
      if (candidates.length > looks) for (let i = 0; i < looks; i++) look(candidates[random.below(candidates.length)]!);
      if (best < 0) candidates.forEach(look);
      if (best < 0)
        throw new MitsuError(`replica ${replica} fits on no node`, { code: "ERR_GENERATE_FULL", hint: "ask for less with --requested" });
      for (let r = 0; r < width; r++) used[best * width + r]! += need[r]!;
      own[best]!++;
      assignment[replica] = nodes[best]!.name;
    }
  }
  return assignment;
}

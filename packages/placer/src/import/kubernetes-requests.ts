/** What a pod is promised: its containers' requests by Kubernetes' rule. [component-helpers/resource/helpers.go, PodRequests] @module */
import { show } from "@mitsu/catalog/document";
import type { Quantities } from "../problem/problem.ts";
import type { Cursor } from "./cursor.ts";
import { kubernetesQuantity } from "./kubernetes-quantity.ts";

type Sums = Map<string, number>;

/**
 * Containers and sidecars (init containers that restart always) run together, so they add up; each other init container runs alone beside the
 * sidecars before it, so the most demanding moment counts. Overhead is added; figures for the whole pod replace the sums.
 */
export function podRequests(spec: Cursor): Quantities {
  const whole: Sums = new Map();
  for (const container of spec.at("containers").list()) add(whole, requestsOf(container));
  const sidecars: Sums = new Map();
  const starting: Sums = new Map();
  for (const container of spec.at("initContainers").list()) {
    const own = requestsOf(container);
    if (container.at("restartPolicy").value === "Always") {
      add(whole, own);
      add(sidecars, own);
      atLeast(starting, sidecars);
    } else {
      add(own, sidecars);
      atLeast(starting, own);
    }
  }
  atLeast(whole, starting);
  // Of the whole pod, where it says so: the containers share them. [KEP-2837]
  for (const [name, value] of requestsOf(spec)) whole.set(name, value);
  add(whole, quantities(spec.at("overhead")));
  return Object.fromEntries(whole);
}

/** Requests; a resource with a limit alone requests as much. [pkg/apis/core/v1/defaults.go, SetDefaults_Pod] */
function requestsOf(container: Cursor): Sums {
  const resources = container.at("resources");
  return new Map([...quantities(resources.at("limits")), ...quantities(resources.at("requests"))]);
}

/** Reads a map of quantities. */
export function quantities(map: Cursor): Sums {
  const sums: Sums = new Map();
  for (const [name, entry] of map.entries()) {
    const value = kubernetesQuantity(entry.value);
    if (value === undefined) entry.fault(`${show(entry.value)} is not a quantity; write it as 500m, 256Mi or 2`);
    else sums.set(name, value);
  }
  return sums;
}

function add(sums: Sums, more: Sums): void {
  for (const [name, value] of more) sums.set(name, (sums.get(name) ?? 0) + value);
}

function atLeast(sums: Sums, more: Sums): void {
  for (const [name, value] of more) sums.set(name, Math.max(sums.get(name) ?? 0, value));
}

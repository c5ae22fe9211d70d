/** `explain`: the candidates for the next request of a service, and why one of them wins. @module */
import { selectorOf } from "@mitsu/catalog";
import type { ReplicadCandidate, ReplicadExplanation, ReplicadReplica, ReplicaStanding } from "@mitsu/ipc";
import { type Candidate, selectorOptions } from "@mitsu/selector";
import type { Choice, PortSelection } from "./port-selection.ts";

/** Selections of which shares are taken. */
const draws = 1000;

/**
 * Selects with a selector of its own, so that nothing changes for real selections.
 *
 * @returns Null when no replica takes requests.
 */
export function explain(selection: PortSelection, stickyKey: string | null, nowMs: number): ReplicadExplanation {
  const eligible = selection.eligible(stickyKey, nowMs);
  const { service, port, policy, membership, choices } = selection;
  const context = selection.context(stickyKey, nowMs);
  const selector = selectorOf(policy, true);
  const drawn = new Map<Candidate, number>();
  let chosen: Candidate | null = null;
  for (let draw = 0; draw < draws && eligible.length > 0; draw++) {
    const one = selector.select(eligible, context);
    chosen ??= one;
    drawn.set(one, (drawn.get(one) ?? 0) + 1);
  }
  const costs = eligible.length > 0 ? selector.costs?.(eligible, context) : undefined;
  const candidates: ReplicadCandidate[] = eligible.map((candidate, index) => ({
    ...replicaView(selection, choices.get(candidate.key)!, nowMs),
    cost: finite(costs?.of[index]),
    share: (drawn.get(candidate) ?? 0) / draws,
    chosen: candidate === chosen,
  }));
  candidates.sort((a, b) => Number(b.chosen) - Number(a.chosen) || (a.cost ?? 0) - (b.cost ?? 0) || b.share - a.share);
  const left = [...choices.values()]
    .filter(({ candidate }) => !eligible.includes(candidate))
    .map((choice) => {
      const replica = replicaView(selection, choice, nowMs);
      return { replica, why: reasons[replica.standing](replica) };
    });
  return {
    service,
    port,
    selector: policy.selector,
    options: optionsOf(policy.selector, policy.selectorOptions),
    unit: costs?.unit ?? null,
    clients: context.clients,
    candidates,
    left,
    panic: membership.panic,
    why: whyOf(candidates, costs?.unit ?? null, stickyKey, policy.selector),
  };
}

/** A replica as `replicas` and `explain` show it. */
export function replicaView({ service, port, membership }: PortSelection, choice: Choice, nowMs: number): ReplicadReplica {
  const { replica, candidate, known, selections } = choice;
  const heard = known.atMs > Number.NEGATIVE_INFINITY;
  return {
    service,
    port,
    replica: replica.key,
    node: replica.node,
    here: replica.here,
    standing: membership.standing(replica.key) ?? "healthy",
    weight: candidate.weight,
    overridden: !Number.isNaN(known.weight),
    ramp: candidate.ramp,
    inFlight: heard ? known.inFlight : null,
    serviceMs: heard && known.serviceMs > 0 ? known.serviceMs : null,
    latencyMs: heard && known.latencyMs > 0 ? known.latencyMs : null,
    failures: Math.max(known.failures, candidate.failures),
    ageMs: heard ? Math.max(0, nowMs - known.atMs) : null,
    selections,
  };
}

const reasons: Readonly<Record<ReplicaStanding, (replica: ReplicadReplica) => string>> = {
  draining: ({ weight, overridden }) =>
    weight === 0 ? `its weight is 0${overridden ? ", by replicad set-weight" : " in the mesh file"}` : "it is drained (replicad drain)",
  dead: () => "nobody took a connection there; it is tried every 100 ms by its node",
  ejected: () => "it failed too often in a row; it comes back when its ejection is over",
  healthy: () => "others are nearer",
  "slow-start": () => "others are nearer",
};

function optionsOf(selector: ReplicadExplanation["selector"], given: Readonly<Record<string, number>>): Record<string, number> {
  const table = (selectorOptions as Readonly<Record<string, Readonly<Record<string, { readonly default: number }>>>>)[selector] ?? {};
  return Object.fromEntries(Object.entries(table).map(([name, range]) => [name, given[name] ?? range.default]));
}

function whyOf(candidates: readonly ReplicadCandidate[], unit: string | null, stickyKey: string | null, selector: string): string {
  const [best, next] = candidates;
  if (best === undefined) return "there is no replica that takes requests";
  if (next === undefined) return `${best.replica} is the only one that takes requests`;
  const told = best.ageMs === null ? "nothing heard of it" : `${best.inFlight} in flight, told ${best.ageMs.toFixed(1)} ms ago`;
  if (stickyKey !== null) return `${best.replica} has this key, and is below its load bound (${told})`;
  if (unit === null || best.cost === null || next.cost === null)
    return `${best.replica} by the rule of ${selector}, which compares nothing`;
  const least = candidates.every(({ cost }) => cost === null || cost >= best.cost!);
  const share = `${Math.round(best.share * 100)} % of the next requests, if nothing changes`;
  if (!least) return `${best.replica} (${told}) is one of those that share what is to come, as news may be old by then: it gets ${share}`;
  if (next.cost === best.cost) return `${best.replica} (${told}) costs as little as ${next.replica}; it gets ${share}`;
  return `${best.replica} costs least: ${best.cost.toFixed(2)} ${unit} (${told}), the next best ${next.cost.toFixed(2)} ${unit}; it gets ${share}`;
}

/** What JSON and the schema can carry. */
function finite(cost: number | undefined): number | null {
  return cost === undefined || !Number.isFinite(cost) ? null : cost;
}

/** A service's replicas as this worker calls them: selection, health, limits. @module */
import type { ClusterPolicy, Replica, SelectorName, Service } from "@mitsu/catalog";
import type { Endpoint } from "./endpoint.ts";
import { LeastRequest } from "./least-request.ts";
import { LiveEndpoint } from "./live-endpoint.ts";
import { failure, isError, type Outcome } from "./outcome.ts";
import { OutlierDetector } from "./outlier-detector.ts";
import { RandomChoice } from "./random-choice.ts";
import { RetryBudget } from "./retry-budget.ts";
import { RoundRobin } from "./round-robin.ts";
import type { SelectionContext, Selector } from "./selector.ts";

const selectors: Readonly<Record<SelectorName, new () => Selector>> = {
  "least-request": LeastRequest,
  "round-robin": RoundRobin,
  random: RandomChoice,
};

/** What a cluster needs from outside. */
export interface ClusterEnv {
  readonly random: () => number;
  /** Nanoseconds since the machine started. */
  readonly nowNs: () => number;
  /** Is the replica on this node, so reached without a link? */
  readonly here: (replica: Replica) => boolean;
  /** In the place of the one that the policy names. */
  readonly selector?: Selector;
}

/** The part of a service that a cluster is made from. */
export type ClusterService = Pick<Service, "name" | "replicas">;

/**
 * One port of one service. A try: `admits()`, `select(tried)`, `begin(endpoint)`, … , `end(endpoint, outcome, latencyNs)`.
 *
 * Candidates are the replicas that weigh more than 0 and are not ejected; of those, the ones on this node when the policy prefers them. When all
 * are ejected, all are candidates (Envoy's panic): a bad answer is better than none.
 */
export class Cluster implements SelectionContext {
  readonly service: string;
  readonly port: number;
  readonly random: () => number;
  readonly retries: RetryBudget = new RetryBudget();
  readonly outliers: OutlierDetector;
  endpoints: readonly LiveEndpoint[] = [];
  policy: ClusterPolicy;
  inFlight = 0;
  /** Requests refused because of `maxRequests`. */
  overflows = 0;
  /** Selections made while all replicas were ejected. */
  panics = 0;
  readonly #env: ClusterEnv;
  readonly #fallback = new LeastRequest();
  #selector: Selector;
  /** Asked first, and those that are asked when all of these were tried. */
  #near: readonly LiveEndpoint[] = [];
  #all: readonly LiveEndpoint[] = [];
  #panicking = false;

  constructor(service: ClusterService, port: number, policy: ClusterPolicy, env: ClusterEnv) {
    this.service = service.name;
    this.port = port;
    this.random = env.random;
    this.policy = policy;
    this.#env = env;
    this.#selector = env.selector ?? new selectors[policy.selector]();
    this.outliers = new OutlierDetector(policy.outlier);
    this.update(service, policy);
  }

  /** Takes over what a reload changed; replicas whose address and port stay keep their state. @returns Those that are gone: close their unused connections. */
  update({ name, replicas }: ClusterService, policy: ClusterPolicy): readonly LiveEndpoint[] {
    const before = new Map(this.endpoints.map((endpoint) => [placeOf(endpoint), endpoint]));
    const now = new Map<string, LiveEndpoint>();
    for (const replica of replicas) {
      const mapping = replica.ports.find(({ port, protocol }) => port === this.port && protocol === "tcp");
      if (mapping === undefined) continue;
      const { address, node, weight } = replica;
      const place = { service: name, address, port: mapping.target, node, here: this.#env.here(replica), weight };
      const key = placeOf(place);
      const kept = now.get(key) ?? before.get(key);
      // Two replicas at one place are one: the later entry's weight holds.
      now.set(key, kept === undefined ? new LiveEndpoint(place) : Object.assign(kept, { node, here: place.here, weight }));
    }
    if (policy.selector !== this.policy.selector && this.#env.selector === undefined) this.#selector = new selectors[policy.selector]();
    this.policy = policy;
    this.endpoints = [...now.values()];
    const gone = [...before].filter(([key]) => !now.has(key)).map(([, endpoint]) => endpoint);
    for (const endpoint of gone) endpoint.gone = true;
    this.outliers.update(this.endpoints, policy.outlier);
    this.#sort();
    return gone;
  }

  /** Is there room for one more request? When not, answer 503 with `flag.upstreamOverflow`. */
  admits(): boolean {
    if (this.inFlight < this.policy.maxRequests) return true;
    this.overflows++;
    return false;
  }

  /** May the pool open one more connection to the replica? */
  mayConnect(endpoint: LiveEndpoint): boolean {
    return endpoint.connections < this.policy.maxConnections;
  }

  /** May one more request wait for a connection to the replica? When not, answer 503 with `flag.upstreamOverflow`. */
  mayWait(endpoint: LiveEndpoint): boolean {
    return endpoint.pending < this.policy.maxPending;
  }

  /**
   * The replica for the next try; null when there is none to take requests: answer 503 with `flag.noHealthyUpstream`.
   *
   * @param tried Replicas to be left out while there are others; null for a first try.
   */
  select(tried: readonly Endpoint[] | null = null): LiveEndpoint | null {
    if (this.outliers.nextReturnNs !== Number.POSITIVE_INFINITY) this.#readmit();
    if (this.#all.length === 0) return null;
    if (this.#panicking) this.panics++;
    if (tried === null || tried.length === 0) return this.#ask(this.#near);
    const near = this.#near.filter((endpoint) => !tried.includes(endpoint));
    if (near.length > 0) return this.#ask(near);
    const others = this.#all.filter((endpoint) => !tried.includes(endpoint));
    return this.#ask(others.length > 0 ? others : this.#near);
  }

  /** A request is about to be sent there. */
  begin(endpoint: LiveEndpoint): void {
    endpoint.inFlight++;
    endpoint.requests++;
    this.inFlight++;
  }

  /** It has ended, in whatever way. @param latencyNs From `begin` to the end of the answer's head. */
  end(endpoint: LiveEndpoint, outcome: Outcome, latencyNs: number): void {
    endpoint.inFlight--;
    this.inFlight--;
    if (outcome === failure.cancelled) return;
    if (outcome >= 100) endpoint.latencyNs += endpoint.latencyNs === 0 ? latencyNs : (latencyNs - endpoint.latencyNs) / 8;
    if (!isError(outcome)) {
      endpoint.errorsInRow = 0;
      return;
    }
    endpoint.errors++;
    if (this.outliers.fail(endpoint, this.#env.nowNs())) this.#sort();
  }

  #ask(candidates: readonly LiveEndpoint[]): LiveEndpoint {
    return this.#selector.select(candidates, this) ?? this.#fallback.select(candidates, this);
  }

  #readmit(): void {
    const nowNs = this.#env.nowNs();
    if (nowNs < this.outliers.nextReturnNs) return;
    this.outliers.readmit(nowNs);
    this.#sort();
  }

  #sort(): void {
    const usable = this.endpoints.filter(({ weight }) => weight > 0);
    const healthy = usable.filter(({ ejectedUntilNs }) => ejectedUntilNs === 0);
    this.#panicking = healthy.length === 0 && usable.length > 0;
    this.#all = this.#panicking ? usable : healthy;
    const here = this.policy.locality === "prefer" ? healthy.filter((endpoint) => endpoint.here) : [];
    this.#near = here.length > 0 ? here : this.#all;
  }
}

function placeOf({ address, port }: Pick<Endpoint, "address" | "port">): string {
  return `${address} ${port}`;
}

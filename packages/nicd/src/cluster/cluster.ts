/** A service's replicas as this worker calls them: selection, health, limits. @module */
import { type ClusterPolicy, membershipOptions, prefersNear, type Replica, recipeOf, type Service, selectorOf } from "@mitsu/catalog";
import type { LoadWriter } from "@mitsu/replica-table";
import { type Answer, Membership, type Report, type SelectionContext, type Selector, type Standing } from "@mitsu/selector";
import { HeardReports } from "./heard-reports.ts";
import { LiveEndpoint } from "./live-endpoint.ts";
import { failure, isError, type Outcome } from "./outcome.ts";
import type { ReplicaReports } from "./replica-reports.ts";
import { RetryBudget } from "./retry-budget.ts";

/** What a cluster needs from outside. */
export interface ClusterEnv {
  readonly random: () => number;
  /** Milliseconds since the machine started. */
  readonly nowMs: () => number;
  /** Is the replica on this node, so reached without a link? */
  readonly here: (replica: Replica) => boolean;
  /** Where requests are counted for replicad; null for nowhere. */
  readonly loads: LoadWriter | null;
  /** What replicad tells; null without one. */
  readonly reports: ReplicaReports | null;
  /** In the place of the one that the policy names. */
  readonly selector?: Selector;
}

/** The part of a service that a cluster is made from. */
export type ClusterService = Pick<Service, "name" | "replicas">;

/**
 * One port of one service. A try: `admits()`, `select(tried)`, `begin(endpoint)`, … , `end(endpoint, outcome, sentAtMs, answeredAtMs)`.
 *
 * Candidates are the replicas that weigh more than 0, do not drain, and are neither ejected nor dead; of those, the ones on this node when the policy prefers them. When too
 * few are healthy, those that fail are candidates as well (Envoy's panic): a bad answer is better than none.
 */
export class Cluster implements SelectionContext {
  readonly service: string;
  readonly port: number;
  readonly random: () => number;
  readonly retries: RetryBudget = new RetryBudget();
  readonly membership: Membership<LiveEndpoint>;
  endpoints: readonly LiveEndpoint[] = [];
  policy: ClusterPolicy;
  inFlight = 0;
  /** Requests refused because of `maxRequests`. */
  overflows = 0;
  /** Selections made while too few replicas were healthy. */
  panics = 0;

  /** Of the decision that is being made. */
  nowMs = 0;
  clients = 1;
  stickyKey: string | null = null;

  readonly #env: ClusterEnv;
  readonly #heard: HeardReports;
  #selector: Selector;
  /** Selector, options and key that {@link #selector} was made of. */
  #madeOf: string;
  #preferNear = false;
  /** What a retry chooses among; the same array each time. */
  readonly #untried: LiveEndpoint[] = [];
  /** What selectors and candidates are told of an end; the same objects each time. */
  readonly #answer: { -readonly [Field in keyof Answer]: Answer[Field] } = { latencyMs: 0, ok: true, report: null };
  readonly #ownReport: { -readonly [Field in keyof Report]: Report[Field] } = { inFlight: 0, latencyMs: 0, serviceMs: 0, workers: 0 };

  /** @throws {MitsuError} `ERR_SELECTOR_OPTION`, which a catalog that was checked does not have. */
  constructor(service: ClusterService, port: number, policy: ClusterPolicy, env: ClusterEnv) {
    this.service = service.name;
    this.port = port;
    this.random = env.random;
    this.policy = policy;
    this.#env = env;
    this.membership = new Membership(membershipOptions(policy));
    this.#heard = new HeardReports(env.reports, this.membership);
    this.#selector = env.selector ?? selectorOf(policy);
    this.#madeOf = recipeOf(policy);
    this.update(service, policy);
  }

  /** Takes over what a reload changed; replicas whose address and port stay keep their state. @returns Those that are gone: close their unused connections. */
  update({ name, replicas }: ClusterService, policy: ClusterPolicy): readonly LiveEndpoint[] {
    const nowMs = this.#env.nowMs();
    const before = new Map(this.endpoints.map((endpoint) => [endpoint.key, endpoint]));
    const now = new Map<string, LiveEndpoint>();
    for (const replica of replicas) {
      const mapping = replica.ports.find(({ port, protocol }) => port === this.port && protocol === "tcp");
      if (mapping === undefined) continue;
      const { address, node, weight } = replica;
      const next = new LiveEndpoint({ service: name, address, port: mapping.target, node, here: this.#env.here(replica), weight });
      const kept = now.get(next.key) ?? before.get(next.key);
      // Two replicas at one place are one: the later entry's weight holds.
      now.set(next.key, kept ?? next);
      if (kept) this.#keep(kept, next, nowMs);
      else this.#add(next, nowMs, before.size === 0);
    }
    this.policy = policy;
    this.endpoints = [...now.values()];
    const gone = [...before].filter(([key]) => !now.has(key)).map(([, endpoint]) => endpoint);
    for (const endpoint of gone) {
      endpoint.gone = true;
      this.membership.remove(endpoint.key);
      this.#releaseRow(endpoint);
    }
    this.membership.configure(membershipOptions(policy));
    this.#choose(policy);
    this.#heard.forgetRows();
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
   * @param stickyKey Requests with the same one go to the same replica while they can; null for none.
   */
  select(tried: readonly LiveEndpoint[] | null = null, stickyKey: string | null = null): LiveEndpoint | null {
    const { membership } = this;
    const nowMs = this.#env.nowMs();
    this.#heard.take(this.endpoints, nowMs);
    const all = membership.usable(nowMs);
    if (all.length === 0) return null;
    if (membership.panic) this.panics++;
    const candidates = membership.eligible(nowMs, this.#preferNear, stickyKey);
    // A dead one is no candidate any more, and then the selector may decide.
    if (tried?.some((one) => candidates.includes(one))) {
      const other = this.#another(candidates, tried) ?? this.#another(all, tried);
      if (other !== null) return other;
    }
    this.nowMs = nowMs;
    this.stickyKey = stickyKey;
    this.clients = this.#heard.clients;
    const chosen = this.#selector.select(candidates, this);
    if (this.#selector.probes !== undefined) this.#probe(candidates, nowMs);
    return chosen;
  }

  /** Is there a replica that could be asked and is neither this one nor one of those tried? */
  hasAnother(endpoint: LiveEndpoint, tried: readonly LiveEndpoint[] | null): boolean {
    return this.membership.usable(this.#env.nowMs()).some((one) => one !== endpoint && !tried?.includes(one));
  }

  /** A request is about to be sent there. @returns When, for {@link end}. */
  begin(endpoint: LiveEndpoint): number {
    const nowMs = this.#env.nowMs();
    endpoint.requests++;
    this.inFlight++;
    this.#env.loads?.begin(endpoint.loadRow, nowMs);
    this.#selector.sent?.(endpoint, nowMs);
    return endpoint.begin(nowMs);
  }

  /**
   * It has ended, in whatever way.
   *
   * @param sentAtMs What `begin` returned.
   * @param answeredAtMs When the answer's head had come; 0 for now.
   */
  end(endpoint: LiveEndpoint, outcome: Outcome, sentAtMs: number, answeredAtMs: number = 0): void {
    const nowMs = this.#env.nowMs();
    const { loads } = this.#env;
    this.inFlight--;
    if (outcome === failure.cancelled) {
      endpoint.cancel(nowMs, sentAtMs);
      loads?.end(endpoint.loadRow, nowMs, 0, "cancelled");
    } else {
      const answer = this.#answer;
      answer.latencyMs = Math.max(0, (answeredAtMs || nowMs) - sentAtMs);
      answer.ok = !isError(outcome);
      answer.report = null;
      if (!answer.ok) endpoint.errors++;
      if (outcome >= 100) endpoint.answerMs += endpoint.answerMs === 0 ? answer.latencyMs : (answer.latencyMs - endpoint.answerMs) / 8;
      endpoint.end(nowMs, answer, sentAtMs);
      // The answers of programs say nothing of their load; replicad's last word comes in its place.
      if (this.#selector.name === "c3") answer.report = this.#heard.rowOf(endpoint);
      this.#selector.answered?.(endpoint, nowMs, answer);
      const ended = answer.ok ? "ok" : outcome === failure.dead ? "refused" : "failed";
      loads?.end(endpoint.loadRow, nowMs, answer.latencyMs, ended);
      // Who wants no ejections gets none, not even of a replica that is gone.
      this.membership.answered(endpoint, nowMs, ended === "refused" && this.policy.outlier.consecutiveErrors === 0 ? "failed" : ended);
    }
    if (endpoint.gone) this.#releaseRow(endpoint);
  }

  /** What is heard now, for those who look on and select nothing. */
  refresh(): void {
    const nowMs = this.#env.nowMs();
    this.#heard.take(this.endpoints, nowMs);
    this.membership.usable(nowMs);
  }

  standing(endpoint: LiveEndpoint): Standing {
    return this.membership.standing(endpoint.key) ?? "healthy";
  }

  /** A new or another one of the candidates that were not tried: the less busy of two. A selector would have to prepare for each such set. */
  #another(candidates: readonly LiveEndpoint[], tried: readonly LiveEndpoint[]): LiveEndpoint | null {
    const untried = this.#untried;
    untried.length = 0;
    for (const candidate of candidates) if (!tried.includes(candidate)) untried.push(candidate);
    const count = untried.length;
    if (count === 0) return null;
    const first = Math.floor(this.random() * count);
    if (count === 1) return untried[0]!;
    let second = Math.floor(this.random() * (count - 1));
    if (second >= first) second++;
    const [a, b] = [untried[first]!, untried[second]!];
    return busyness(b) < busyness(a) ? b : a;
  }

  /** Probes are answered at once by what is known: replicad's word, which is some milliseconds old at most, or else this worker's own. */
  #probe(candidates: readonly LiveEndpoint[], nowMs: number): void {
    for (const one of this.#selector.probes!(candidates, this)) {
      const own = this.#ownReport;
      own.inFlight = one.inFlight;
      own.latencyMs = one.latencyMs;
      own.serviceMs = one.latencyMs;
      this.#selector.probed?.(one, nowMs, this.#heard.rowOf(one) ?? own);
    }
  }

  #add(endpoint: LiveEndpoint, nowMs: number, warm: boolean): void {
    const { loads } = this.#env;
    this.membership.add(endpoint, nowMs, warm);
    if (loads === null) return;
    endpoint.loadRow = loads.row(endpoint.key);
    loads.here(endpoint.loadRow, endpoint.here);
  }

  #keep(kept: LiveEndpoint, next: LiveEndpoint, nowMs: number): void {
    if (kept.here !== next.here) {
      this.membership.remove(kept.key); // which of them are near is settled when they come
      kept.here = next.here;
      this.membership.add(kept, nowMs, true);
      kept.reportFlags = 0;
    }
    kept.node = next.node;
    // An overriding weight of replicad's stays; see HeardReports.
    if (kept.weight === kept.meshWeight) this.membership.setWeight(kept.key, next.meshWeight, nowMs);
    kept.meshWeight = next.meshWeight;
    this.#env.loads?.here(kept.loadRow, kept.here);
  }

  #releaseRow(endpoint: LiveEndpoint): void {
    if (endpoint.loadRow < 0 || endpoint.inFlight > 0) return;
    this.#env.loads?.release(endpoint.loadRow);
    endpoint.loadRow = -1;
  }

  #choose(policy: ClusterPolicy): void {
    this.#preferNear = prefersNear(policy);
    const recipe = recipeOf(policy);
    if (recipe === this.#madeOf || this.#env.selector !== undefined) return;
    this.#madeOf = recipe;
    this.#selector = selectorOf(policy);
  }
}

function busyness({ inFlight, weight, ramp }: LiveEndpoint): number {
  return (inFlight + 1) / (weight * ramp);
}

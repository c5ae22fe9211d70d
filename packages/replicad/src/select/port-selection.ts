/** Selections of one port of a service: its candidates as they are known here, its selector, and who is no candidate. @module */
import { type ClusterPolicy, membershipOptions, prefersNear, recipeOf, selectorOf } from "@mitsu/catalog";
import type { SelectOutcome } from "@mitsu/ipc";
import { LiveCandidate, Membership, type Report, type SelectionContext, type Selector } from "@mitsu/selector";
import { replicaFlags } from "../bus/node-state.ts";
import type { KnownReplica, KnownReplicas } from "../known/known-replicas.ts";
import type { MeshPort, MeshReplica } from "../mesh/mesh-ports.ts";

/** A replica with what this daemon keeps of it. */
export interface Choice {
  readonly replica: MeshReplica;
  readonly candidate: LiveCandidate;
  readonly known: KnownReplica;
  /** Made here, for `select`. */
  selections: number;
  /** Those of `known` that the membership was told of. */
  flags: number;
}

/** What selections share. */
export interface PortSelectionOptions {
  readonly known: KnownReplicas;
  /** How many programs send requests, this one included. */
  readonly clients: () => number;
  readonly random: () => number;
}

/**
 * A selection: `apply`, `select`, `begin`, …, `end`. Times are milliseconds of `clockMs()`.
 *
 * @throws {MitsuError} as `createSelector`.
 */
export class PortSelection {
  readonly service: string;
  readonly port: number;
  policy: ClusterPolicy;
  readonly membership: Membership;
  #choices = new Map<string, Choice>();
  #selector: Selector;
  readonly #o: PortSelectionOptions;
  readonly #report: { -readonly [Field in keyof Report]: Report[Field] } = { inFlight: 0, latencyMs: 0, serviceMs: 0, workers: 0 };

  constructor(port: MeshPort, options: PortSelectionOptions, nowMs: number) {
    this.service = port.service;
    this.port = port.port;
    this.policy = port.policy;
    this.#o = options;
    this.#selector = selectorOf(port.policy, true);
    this.membership = new Membership(membershipOptions(port.policy));
    this.#update(port, nowMs, true);
  }

  get choices(): ReadonlyMap<string, Choice> {
    return this.#choices;
  }

  /** Takes over what the mesh file changed; replicas that stay keep what is known of them. */
  update(port: MeshPort, nowMs: number): void {
    if (recipeOf(port.policy) !== recipeOf(this.policy)) this.#selector = selectorOf(port.policy, true);
    this.policy = port.policy;
    this.membership.configure(membershipOptions(port.policy));
    this.#update(port, nowMs, false);
  }

  /** Lets candidates know what is known. O(n). */
  apply(nowMs: number): void {
    const { membership } = this;
    for (const choice of this.#choices.values()) {
      const { replica, candidate, known } = choice;
      const { key } = replica;
      if (known.atMs > candidate.reportedAtMs) {
        const report = this.#report;
        report.inFlight = known.inFlight;
        report.latencyMs = known.latencyMs;
        report.serviceMs = known.serviceMs;
        report.workers = known.workers;
        candidate.report(known.atMs, report, nowMs);
      }
      const weight = Number.isNaN(known.weight) ? replica.weight : known.weight;
      if (candidate.weight !== weight) membership.setWeight(key, weight, nowMs);
      if (choice.flags === known.flags) continue;
      choice.flags = known.flags;
      membership.drain(key, (known.flags & replicaFlags.draining) !== 0, nowMs);
      membership.tell(key, (known.flags & replicaFlags.down) === 0 ? "up" : "down", nowMs);
    }
  }

  /** The replica for one request; null when there is none that takes any. */
  select(stickyKey: string | null, nowMs: number): Choice | null {
    const eligible = this.eligible(stickyKey, nowMs);
    if (eligible.length === 0) return null;
    const chosen = this.#selector.select(eligible, this.context(stickyKey, nowMs));
    return this.#choices.get(chosen.key)!;
  }

  /** Those that may get a request, as they are known now. */
  eligible(stickyKey: string | null, nowMs: number): readonly LiveCandidate[] {
    this.apply(nowMs);
    return this.membership.eligible(nowMs, prefersNear(this.policy), stickyKey);
  }

  /** A request goes there. @returns When, for {@link end}. */
  begin(choice: Choice, nowMs: number): number {
    choice.selections++;
    this.#selector.sent?.(choice.candidate, nowMs);
    return choice.candidate.begin(nowMs);
  }

  /** It has ended. */
  end({ candidate }: Choice, nowMs: number, sentAtMs: number, latencyMs: number, outcome: SelectOutcome): void {
    if (outcome === "cancelled") {
      candidate.cancel(nowMs, sentAtMs);
      return;
    }
    const answer = { latencyMs, ok: outcome === "ok", report: null };
    candidate.end(nowMs, answer, sentAtMs);
    this.#selector.answered?.(candidate, nowMs, answer);
    this.membership.answered(candidate, nowMs, outcome);
  }

  context(stickyKey: string | null, nowMs: number): SelectionContext {
    return { nowMs, random: this.#o.random, clients: this.#o.clients(), stickyKey };
  }

  #update({ replicas }: MeshPort, nowMs: number, warm: boolean): void {
    const before = this.#choices;
    this.#choices = new Map();
    for (const replica of replicas) {
      const old = before.get(replica.key);
      const known = this.#o.known.expect(replica.key);
      if (old?.replica.here === replica.here) {
        this.#choices.set(replica.key, { ...old, replica, known });
        continue;
      }
      const candidate = new LiveCandidate(replica.key, { weight: replica.weight, here: replica.here });
      this.#choices.set(replica.key, { replica, candidate, known, selections: 0, flags: 0 });
      this.membership.add(candidate, nowMs, warm);
    }
    for (const key of before.keys()) if (!this.#choices.has(key)) this.membership.remove(key);
  }
}

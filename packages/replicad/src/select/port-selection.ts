/** Selections of one port of a service: its candidates as they are known here, its selector, and who is no candidate. @module */
import type { ClusterPolicy } from "@mitsu/catalog";
import {
  type Answer,
  createSelector,
  LiveCandidate,
  Membership,
  type MembershipOptions,
  type Report,
  type SelectionContext,
  type Selector,
  Sticky,
} from "@mitsu/selector";
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
    this.#selector = selectorOf(port.policy);
    this.membership = new Membership(membershipOf(port.policy));
    this.#update(port, nowMs, true);
  }

  get choices(): ReadonlyMap<string, Choice> {
    return this.#choices;
  }

  /** Takes over what the mesh file changed; replicas that stay keep what is known of them. */
  update(port: MeshPort, nowMs: number): void {
    const { selector, selectorOptions } = this.policy;
    if (selector !== port.policy.selector || JSON.stringify(selectorOptions) !== JSON.stringify(port.policy.selectorOptions))
      this.#selector = selectorOf(port.policy);
    this.policy = port.policy;
    this.membership.configure(membershipOf(port.policy));
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
    this.apply(nowMs);
    const usable = this.membership.usable(nowMs);
    if (usable.length === 0) return null;
    const chosen = this.#selector.select(usable, this.context(stickyKey, nowMs));
    return this.#choices.get(chosen.key)!;
  }

  /** A request goes there. @returns When, for {@link end}. */
  begin(choice: Choice, nowMs: number): number {
    choice.selections++;
    this.#selector.sent?.(choice.candidate, nowMs);
    return choice.candidate.begin(nowMs);
  }

  /** It has ended. */
  end({ candidate }: Choice, nowMs: number, sentAtMs: number, answer: Answer, outcome: "ok" | "failed" | "refused"): void {
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
      if (old !== undefined) {
        old.candidate.here = replica.here;
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

/** A selector of its own state, as the policy says. */
export function selectorOf({ selector, selectorOptions }: ClusterPolicy): Selector {
  return new Sticky(createSelector(selector, selectorOptions));
}

function membershipOf({ outlier, slowStartMs, panicThreshold }: ClusterPolicy): MembershipOptions {
  return {
    failuresInRow: outlier.consecutiveErrors,
    ejectMs: outlier.ejectionMs,
    longestEjectMs: outlier.ejectionMs * 10,
    mostEjected: outlier.maxEjected,
    slowStartMs,
    panicBelow: panicThreshold,
  };
}

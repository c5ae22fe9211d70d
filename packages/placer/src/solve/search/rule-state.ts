/** One rule during a search: how far it is broken, and what a move would change, without looking at all nodes. @module */
import type { Figures, Rule } from "../instance.ts";

/**
 * Counts replicas of a rule's services by domain. `broken` is in replicas (of a spread, in replicas of too much skew): zero is kept.
 * It is `brokenShare` of objective.ts times the service's replicas, move by move.
 */
export class RuleState {
  readonly rule: Rule;
  /** What one broken replica adds to the objective; 0 for a must. */
  readonly cost: number;
  broken = 0;
  readonly #domainOf: Int32Array;
  /** `Int32Array[domains]`: replicas of the rule's service, and of the other one. */
  readonly #own: Int32Array;
  readonly #other: Int32Array;
  readonly #eligible: Uint8Array;
  readonly #self: boolean;
  /** Replicas on nodes without the label. */
  #nowhere = 0;

  constructor(instance: Figures, rule: Rule, counts: Int16Array) {
    const { nodes, firstReplica, topologies, allowed, services } = instance;
    const { domainOf, domains } = topologies[rule.topology]!;
    const row = rule.service * nodes;
    this.rule = rule;
    this.cost = (rule.weight ?? 0) / (firstReplica[rule.service + 1]! - firstReplica[rule.service]!) / services;
    this.#domainOf = domainOf;
    this.#own = new Int32Array(domains);
    this.#other = new Int32Array(domains);
    this.#eligible = new Uint8Array(domains);
    this.#self = rule.kind !== "spread" && rule.other === rule.service;
    for (let m = 0; m < nodes; m++) {
      const d = domainOf[m]!;
      if (d < 0) {
        this.#nowhere += counts[row + m]!;
        continue;
      }
      this.#own[d]! += counts[row + m]!;
      if (rule.kind !== "spread" && !this.#self) this.#other[d]! += counts[rule.other * nodes + m]!;
      if (allowed[row + m] === 1) this.#eligible[d] = 1;
    }
    this.broken = this.#count();
  }

  /** How `broken` would change if a replica of `service` went from one node to another. */
  change(service: number, from: number, to: number): number {
    const before = this.broken;
    this.move(service, from, to);
    const after = this.broken;
    this.move(service, to, from);
    return after - before;
  }

  /** A replica of `service` goes from one node to another. */
  move(service: number, from: number, to: number): void {
    const source = this.#domainOf[from]!;
    const target = this.#domainOf[to]!;
    if (source === target) return;
    const isOwn = service === this.rule.service;
    const array = isOwn ? this.#own : this.#other;
    const local = !this.#self && this.rule.kind !== "spread";
    if (local) this.broken -= this.#at(source) + this.#at(target);
    if (source >= 0) array[source]!--;
    else if (isOwn) this.#nowhere--;
    if (target >= 0) array[target]!++;
    else if (isOwn) this.#nowhere++;
    if (local) this.broken += this.#at(source) + this.#at(target);
    else this.broken = this.#count();
  }

  /** Broken replicas of one domain, or of all nodes without the label (-1), of a rule about two services. */
  #at(domain: number): number {
    if (domain < 0) return this.rule.kind === "affinity" ? this.#nowhere : 0;
    return this.#other[domain]! > 0 === (this.rule.kind === "antiAffinity") ? this.#own[domain]! : 0;
  }

  #count(): number {
    const own = this.#own;
    if (this.rule.kind === "spread") {
      let most = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let d = 0; d < own.length; d++) {
        if (this.#eligible[d] === 0) continue;
        if (own[d]! > most) most = own[d]!;
        if (own[d]! < least) least = own[d]!;
      }
      return Math.max(0, most - least - this.rule.maxSkew);
    }
    if (!this.#self) {
      let sum = this.#at(-1);
      for (let d = 0; d < own.length; d++) sum += this.#at(d);
      return sum;
    }
    if (this.rule.kind === "antiAffinity") return own.reduce((sum, x) => sum + Math.max(0, x - 1), 0);
    let all = this.#nowhere;
    let largest = 0;
    for (let d = 0; d < own.length; d++) {
      all += own[d]!;
      if (own[d]! > largest) largest = own[d]!;
    }
    return all - largest;
  }
}

/** What runs where while a plan is carried out: loads of nodes, counts of services by domain, and what a start or stop would break. @module */
import type { Instance, Rule } from "../solve/instance.ts";

/** Allowed above each capacity, against rounding of sums. */
const rounding = 1e-9;

/** Replicas running, where a replica that is being moved counts on both ends. */
export class RunningState {
  /** `Int32Array[replicas]`: the node it runs on, the new one of two; -1 when it runs nowhere. */
  readonly home: Int32Array;
  /** `Int32Array[services]`: replicas that run, each counted once. */
  readonly running: Int32Array;
  readonly instance: Instance;
  readonly #load: Float64Array;
  readonly #most: Float64Array;
  /** Rules that must hold, by the service that they say something of, on either side. */
  readonly #rulesOf: ReadonlyMap<number, readonly Rule[]>;
  /** Of services in such rules: instances by domain, by service and topology. */
  readonly #counts = new Map<number, Int32Array>();
  /** Starts of this wave, which nothing may rely on before the wave has ended. */
  readonly #fresh = new Map<number, Map<number, number>>();
  readonly #spreadTouched = new Set<number>();

  constructor(instance: Instance) {
    this.instance = instance;
    this.home = instance.present.slice();
    this.running = new Int32Array(instance.services);
    this.#load = new Float64Array(instance.nodes * instance.resources);
    this.#most = instance.wholeCapacity.map((whole) => whole * (1 + rounding));
    const rulesOf = new Map<number, Rule[]>();
    for (const rule of instance.rules) {
      if (rule.weight !== null) continue;
      for (const service of new Set([rule.service, rule.kind === "spread" ? rule.service : rule.other])) {
        rulesOf.set(service, [...(rulesOf.get(service) ?? []), rule]);
        const { domains } = instance.topologies[rule.topology]!;
        this.#counts.set(this.#key(service, rule.topology), new Int32Array(domains));
      }
    }
    this.#rulesOf = rulesOf;
    for (let replica = 0; replica < instance.replicas; replica++) {
      const node = this.home[replica]!;
      if (node < 0) continue;
      this.running[instance.serviceOf[replica]!]!++;
      this.#add(replica, node, 1);
    }
  }

  /** Whether a node has room for one more replica of a service. */
  fits(service: number, node: number): boolean {
    const { resources, demand } = this.instance;
    for (let r = 0; r < resources; r++) {
      const amount = demand[service * resources + r]!;
      if (amount > 0 && this.#load[node * resources + r]! + amount > this.#most[node * resources + r]!) return false;
    }
    return true;
  }

  /** Whether it would have room if others of its replicas were gone. */
  fitsWithout(service: number, node: number, gone: readonly number[]): boolean {
    const { resources, demand, serviceOf } = this.instance;
    for (let r = 0; r < resources; r++) {
      const amount = demand[service * resources + r]!;
      if (amount === 0) continue;
      let load = this.#load[node * resources + r]! + amount;
      for (const replica of gone) load -= demand[serviceOf[replica]! * resources + r]!;
      if (load > this.#most[node * resources + r]!) return false;
    }
    return true;
  }

  /** Share of the fullest resource that is free, 0 to 1; below 0 on a node that is over its capacity. */
  room(node: number): number {
    const { resources } = this.instance;
    let least = 1;
    for (let r = 0; r < resources; r++) {
      const most = this.#most[node * resources + r]!;
      if (most > 0) least = Math.min(least, 1 - this.#load[node * resources + r]! / most);
    }
    return least;
  }

  /** The first must that a start there would break; `old` is the node that the replica leaves afterwards, or -1. */
  startBreaks(service: number, node: number, old: number): Rule | null {
    for (const rule of this.#rulesOf.get(service) ?? []) {
      const { domainOf } = this.instance.topologies[rule.topology]!;
      const domain = domainOf[node]!;
      const oldDomain = old < 0 ? -1 : domainOf[old]!;
      if (rule.kind === "spread") {
        if (this.#spreadTouched.has(service) || this.#skewGrows(rule, domain, oldDomain)) return rule;
      } else if (rule.kind === "antiAffinity") {
        const other = rule.service === service ? rule.other : rule.service;
        const own = other === service && domain === oldDomain ? 1 : 0;
        if (domain >= 0 && this.#count(other, rule.topology, domain) > own) return rule;
      } else if (rule.service === service) {
        const own = rule.other === service;
        // Alone, a service that wants to be beside itself has nobody to be beside.
        if (own && this.running[service]! <= (old < 0 ? 0 : 1)) continue;
        const fresh = this.#fresh.get(this.#key(rule.other, rule.topology))?.get(domain) ?? 0;
        const mine = own && domain === oldDomain ? 1 : 0;
        if (domain < 0 || this.#count(rule.other, rule.topology, domain) - fresh - mine <= 0) return rule;
      }
    }
    return null;
  }

  /** The first must that a stop there would break; `leaving` are replicas that stop in the same wave. */
  stopBreaks(replica: number, node: number, leaving: readonly { readonly replica: number; readonly node: number }[]): Rule | null {
    const { serviceOf, topologies } = this.instance;
    const service = serviceOf[replica]!;
    for (const rule of this.#rulesOf.get(service) ?? []) {
      if (rule.kind !== "affinity" || rule.other !== service || rule.service === service) continue;
      const { domainOf } = topologies[rule.topology]!;
      const domain = domainOf[node]!;
      if (domain < 0 || this.#count(rule.service, rule.topology, domain) === 0) continue;
      const gone = leaving.filter((one) => serviceOf[one.replica] === service && domainOf[one.node] === domain).length;
      // One that starts there in the same wave may come later than this stop.
      const fresh = this.#fresh.get(this.#key(service, rule.topology))?.get(domain) ?? 0;
      if (this.#count(service, rule.topology, domain) - fresh - gone <= 1) return rule;
    }
    return null;
  }

  /** Replicas of services that a must keeps away from a service, and so block its start. */
  rivals(service: number, rule: Rule): number {
    if (rule.kind !== "antiAffinity") return -1;
    return rule.service === service ? rule.other : rule.service;
  }

  /** A replica begins to run on a node; it may run on another still. */
  start(replica: number, node: number): void {
    const service = this.instance.serviceOf[replica]!;
    if (this.home[replica] === -1) this.running[service]!++;
    this.home[replica] = node;
    this.#add(replica, node, 1);
    for (const rule of this.#rulesOf.get(service) ?? []) {
      if (rule.kind === "spread") this.#spreadTouched.add(service);
      const key = this.#key(service, rule.topology);
      const domain = this.instance.topologies[rule.topology]!.domainOf[node]!;
      const fresh = this.#fresh.get(key) ?? new Map<number, number>();
      this.#fresh.set(key, fresh.set(domain, (fresh.get(domain) ?? 0) + 1));
    }
  }

  /** A replica ends on a node; on its home, it runs nowhere afterwards. */
  stop(replica: number, node: number): void {
    if (this.home[replica] === node) {
      this.home[replica] = -1;
      this.running[this.instance.serviceOf[replica]!]!--;
    }
    this.#add(replica, node, -1);
  }

  /** What was started in it may be relied on from here. */
  endWave(): void {
    this.#fresh.clear();
    this.#spreadTouched.clear();
  }

  #add(replica: number, node: number, sign: 1 | -1): void {
    const { resources, demand, serviceOf, topologies } = this.instance;
    const service = serviceOf[replica]!;
    for (let r = 0; r < resources; r++) this.#load[node * resources + r]! += sign * demand[service * resources + r]!;
    // A service may be in several rules of one topology, and counts once in it.
    const rules = this.#rulesOf.get(service);
    if (rules === undefined) return;
    for (const topology of new Set(rules.map((rule) => rule.topology))) {
      const domain = topologies[topology]!.domainOf[node]!;
      if (domain >= 0) this.#counts.get(this.#key(service, topology))![domain]! += sign;
    }
  }

  #skewGrows(rule: Extract<Rule, { kind: "spread" }>, domain: number, oldDomain: number): boolean {
    const counts = this.#counts.get(this.#key(rule.service, rule.topology))!;
    const skew = (added: number, removed: number): number => {
      let least = Number.POSITIVE_INFINITY;
      let most = 0;
      for (let d = 0; d < counts.length; d++) {
        const count = counts[d]! + (d === added ? 1 : 0) - (d === removed ? 1 : 0);
        least = Math.min(least, count);
        most = Math.max(most, count);
      }
      return most - least;
    };
    return skew(domain, oldDomain) > Math.max(rule.maxSkew, skew(-1, -1));
  }

  #count(service: number, topology: number, domain: number): number {
    return this.#counts.get(this.#key(service, topology))?.[domain] ?? 0;
  }

  #key(service: number, topology: number): number {
    return service * this.instance.topologies.length + topology;
  }
}

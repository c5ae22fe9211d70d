/** Orders the moves from the present placement to a plan, so that no node is over its capacity at any moment, even when a replica runs on both ends. It is past 300 lines with its comments because the ways out of a deadlock belong beside the waves that run into it. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Instance, NodeOf, Rule } from "../solve/instance.ts";
import type { MoveOrder, MoveStep } from "./move-order.ts";
import { RunningState } from "./running-state.ts";

/** Blocked moves of a node that a deadlock looks at, and replicas that may have to leave for one of them. */
const looks = 6;
const mostBlockers = 8;

/**
 * Orders the moves; capacity is the whole capacity of nodes (`wholeCapacity`), as room is needed for a moment only.
 * Moves are greedy: whatever has room goes, start first, then stop. When nothing has, in this order: a replica hops to a node with room; one whose service has
 * others running is stopped for a moment; a must is broken for a moment; a service's last replica is stopped. Each leads to at least one move to its end.
 *
 * @throws {MitsuError} `ERR_PLACER_OVER_CAPACITY` when the plan itself puts more on a node than it has.
 * @example
 * ```ts
 * orderMoves(compile(problem), nodeOf).waves[0]; // [{ kind: "move", replica: "web-0", from: "n1", to: "n2", hop: false, breaks: [] }]
 * ```
 */
export function orderMoves(instance: Instance, nodeOf: NodeOf): MoveOrder {
  return new Ordering(instance, nodeOf).run();
}

/** Replicas that have to leave for a blocked one to go in. */
interface Way {
  readonly node: number;
  readonly blockers: readonly number[];
}

class Ordering {
  readonly #instance: Instance;
  readonly #target: NodeOf;
  readonly #state: RunningState;
  /** Replicas on their way, by the node they go to, largest first. */
  readonly #queues: number[][];
  /** Nodes whose queue may have a replica that can go now. */
  readonly #stirred = new Set<number>();
  /** Old copies that cannot be stopped yet, as others must be beside them. */
  #lingering: { readonly replica: number; readonly node: number }[] = [];
  readonly #waves: MoveStep[][] = [];
  readonly #names: readonly string[];
  readonly #hopped: Uint8Array;
  /** Messages a second of one replica. */
  readonly #traffic: Float64Array;
  #waiting = 0;
  #moves = 0;
  #starts = 0;
  #hops = 0;
  #pauses = 0;
  readonly #notes: string[] = [];
  readonly #leftAlone: string[] = [];

  constructor(instance: Instance, target: NodeOf) {
    this.#instance = instance;
    this.#target = target;
    this.#state = new RunningState(instance);
    this.#queues = Array.from({ length: instance.nodes }, () => []);
    this.#names = instance.problem.services.flatMap(({ replicas }) => replicas);
    this.#hopped = new Uint8Array(instance.replicas);
    this.#traffic = trafficOfReplicas(instance);
    for (let replica = 0; replica < instance.replicas; replica++) {
      const from = instance.present[replica]!;
      const to = target[replica]!;
      if (to < 0 && from >= 0) this.#leftAlone.push(this.#names[replica]!);
      if (to < 0 || to === from) continue;
      this.#queues[to]!.push(replica);
      this.#stirred.add(to);
      this.#waiting++;
      if (from < 0) this.#starts++;
      else this.#moves++;
    }
    const size = sizes(instance);
    for (const queue of this.#queues) queue.sort((a, b) => size[instance.serviceOf[b]!]! - size[instance.serviceOf[a]!]! || a - b);
  }

  run(): MoveOrder {
    this.#checkEnd();
    while (this.#waiting > 0 || this.#lingering.length > 0) {
      if (this.#wave()) continue;
      if (this.#hop() || this.#pause(false) || this.#breakRule() || this.#pause(true)) continue;
      const stuck = this.#queues.flat().slice(0, 5);
      throw new MitsuError(
        `no order of moves keeps every node within its capacity: ${stuck.map((r) => this.#names[r]).join(", ")} cannot go`,
        {
          code: "ERR_PLACER_NO_ORDER",
          hint: "a node they go to is over its capacity now, by replicas that stay: plan again",
          exit: exitStatus.failure,
        },
      );
    }
    const { length } = this.#leftAlone;
    if (length > 0) this.#notes.push(`${length} running ${length === 1 ? "replica" : "replicas"} without a place in the plan: left alone`);
    return {
      waves: this.#waves,
      moves: this.#moves,
      starts: this.#starts,
      hops: this.#hops,
      pauses: this.#pauses,
      leftAlone: this.#leftAlone,
      notes: this.#notes,
    };
  }

  /** Everything that can go now, and the old copies that can end with it. */
  #wave(): boolean {
    const state = this.#state;
    const steps: MoveStep[] = [];
    const leaving: { replica: number; node: number }[] = [];
    const stirred = [...this.#stirred].sort((a, b) => a - b);
    this.#stirred.clear();
    for (const node of stirred) {
      const queue = this.#queues[node]!;
      let kept = 0;
      for (const replica of queue) {
        const service = this.#instance.serviceOf[replica]!;
        const rule = state.fits(service, node) ? state.startBreaks(service, node, state.home[replica]!) : undefined;
        if (rule === null) this.#begin(replica, node, steps, leaving, []);
        else {
          queue[kept++] = replica;
          // What a rule forbids may be allowed by a step anywhere, so it is looked at in every wave.
          if (rule !== undefined) this.#ruled.add(node);
        }
      }
      queue.length = kept;
    }
    return this.#endWave(steps, leaving);
  }
  readonly #ruled = new Set<number>();

  /** Starts a replica on the node it goes to. */
  #begin(replica: number, node: number, steps: MoveStep[], leaving: { replica: number; node: number }[], breaks: string[]): void {
    const old = this.#state.home[replica]!;
    this.#state.start(replica, node);
    if (node === this.#target[replica]) this.#waiting--;
    if (old >= 0) leaving.push({ replica, node: old });
    else steps.push({ kind: "start", replica: this.#names[replica]!, to: this.#nodeName(node), breaks });
    if (old >= 0 && breaks.length > 0) this.#breaks.set(replica, breaks);
  }
  readonly #breaks = new Map<number, string[]>();

  /** Stops the old copies that may go, and closes the wave; false when it would be empty. */
  #endWave(steps: MoveStep[], leaving: readonly { replica: number; node: number }[], force = false): boolean {
    const state = this.#state;
    const stopped: { replica: number; node: number }[] = [];
    const lingering: typeof stopped = [];
    const fresh = new Set(leaving);
    for (const one of [...this.#lingering, ...leaving]) {
      const { replica, node } = one;
      const rule = state.stopBreaks(replica, node, stopped);
      const mayStop = rule === null || (force && !fresh.has(one));
      const breaks = [
        ...(this.#breaks.get(replica) ?? []),
        ...(rule !== null && mayStop ? [this.#sentence(replica, node, rule, "leaves")] : []),
      ];
      this.#breaks.delete(replica);
      const name = this.#names[replica]!;
      const from = this.#nodeName(node);
      const home = state.home[replica]!;
      if (!mayStop) {
        lingering.push(one);
        if (fresh.has(one)) steps.push({ kind: "start", replica: name, to: this.#nodeName(home), breaks });
        continue;
      }
      stopped.push(one);
      if (fresh.has(one))
        steps.push({ kind: "move", replica: name, from, to: this.#nodeName(home), hop: home !== this.#target[replica], breaks });
      else steps.push({ kind: "stop", replica: name, from, pause: false, breaks });
    }
    for (const { replica, node } of stopped) {
      state.stop(replica, node);
      this.#stirred.add(node);
    }
    this.#lingering = lingering;
    state.endWave();
    if (steps.length === 0) return false;
    for (const node of this.#ruled) this.#stirred.add(node);
    this.#ruled.clear();
    this.#waves.push(steps);
    return true;
  }

  /** Moves what is in the way of a blocked replica to a node with room; one way for each part of the graph of moves that hangs together, more in large parts. */
  #hop(): boolean {
    if (this.#hops > 4 * (this.#moves + this.#starts)) return false;
    const steps: MoveStep[] = [];
    const leaving: { replica: number; node: number }[] = [];
    const allowance = this.#allowance();
    const used = new Set<number>();
    const moved = new Set<number>();
    const ways = this.#ways().sort((a, b) => this.#hopCost(a) - this.#hopCost(b) || a.node - b.node);
    for (const { node, blockers } of ways) {
      if (used.has(node) || allowance.get(node) === 0 || blockers.some((replica) => moved.has(replica))) continue;
      const hops = blockers.map((replica) => this.#shelter(replica, used));
      if (hops.includes(-1) || !this.#sheltersHold(blockers, hops)) continue;
      for (const [at, replica] of blockers.entries()) {
        this.#begin(replica, hops[at]!, steps, leaving, []);
        this.#hopped[replica] = 1;
        this.#hops++;
        moved.add(replica);
      }
      used.add(node);
      allowance.take(node);
    }
    return steps.length + leaving.length > 0 && this.#endWave(steps, leaving);
  }

  /** A node with room for a moment: allowed, not where it goes, and not one that is being cleared; the emptiest, or -1. */
  #shelter(replica: number, cleared: ReadonlySet<number>): number {
    const { nodes, allowed, serviceOf, pinned } = this.#instance;
    const state = this.#state;
    const service = serviceOf[replica]!;
    const home = state.home[replica]!;
    if (home < 0 || pinned[replica]! >= 0) return -1;
    let best = -1;
    let most = 0;
    for (let node = 0; node < nodes; node++) {
      if (allowed[service * nodes + node] === 0 || node === home || node === this.#target[replica] || cleared.has(node)) continue;
      if (!state.fits(service, node)) continue;
      const room = state.room(node);
      if (room > most && state.startBreaks(service, node, home) === null) {
        best = node;
        most = room;
      }
    }
    return best;
  }

  /** Several that shelter on one node must fit there together. */
  #sheltersHold(blockers: readonly number[], hops: readonly number[]): boolean {
    if (new Set(hops).size === hops.length) return true;
    const { serviceOf, resources, demand, wholeCapacity } = this.#instance;
    return hops.every((node) => {
      const guests = blockers.filter((_, at) => hops[at] === node).map((replica) => serviceOf[replica]!);
      if (guests.length === 1) return true;
      // Rules among the guests were not looked at, so only services without any may share.
      if (guests.some((service) => this.#instance.rules.some((rule) => rule.weight === null && rule.service === service))) return false;
      for (let r = 0; r < resources; r++) {
        const amount = guests.reduce((sum, service) => sum + demand[service * resources + r]!, 0);
        const capacity = wholeCapacity[node * resources + r]!;
        if (amount > 0 && amount > this.#state.room(node) * capacity) return false;
      }
      return true;
    });
  }

  /** Stops what is in the way of a blocked replica; with `last`, even a service's last running one. */
  #pause(last: boolean): boolean {
    const cost = ({ blockers }: Way): number =>
      blockers.reduce((sum, replica) => sum + this.#traffic[replica]!, 0) + (this.#endsService(blockers) ? 1e15 : 0);
    const [way] = this.#ways(last)
      .filter(({ blockers }) => last || !this.#endsService(blockers))
      .sort((a, b) => cost(a) - cost(b) || a.node - b.node);
    if (way === undefined) return false;
    for (const replica of way.blockers) {
      const node = this.#state.home[replica]!;
      const service = this.#instance.serviceOf[replica]!;
      const rule = this.#state.stopBreaks(replica, node, []);
      this.#state.stop(replica, node);
      this.#stirred.add(node);
      this.#stirred.add(this.#target[replica]!);
      this.#pauses++;
      const others = this.#state.running[service]!;
      const { name } = this.#instance.problem.services[service]!;
      const meanwhile = others > 0 ? `${others} of ${name} run on` : `no replica of ${name} runs meanwhile`;
      this.#notes.push(`no node has room for ${this.#names[replica]} for a moment: it is stopped before it is started again; ${meanwhile}`);
      const breaks = rule === null ? [] : [this.#sentence(replica, node, rule, "leaves")];
      // Each in a wave of its own: what runs beside it may rely on it.
      this.#waves.push([{ kind: "stop", replica: this.#names[replica]!, from: this.#nodeName(node), pause: true, breaks }]);
    }
    for (const node of this.#ruled) this.#stirred.add(node);
    return true;
  }

  #endsService(blockers: readonly number[]): boolean {
    const { serviceOf } = this.#instance;
    const leaving = new Map<number, number>();
    for (const replica of blockers) leaving.set(serviceOf[replica]!, (leaving.get(serviceOf[replica]!) ?? 0) + 1);
    return [...leaving].some(([service, count]) => this.#state.running[service]! - count < 1);
  }

  /** Starts one replica that has room but breaks a must, or ends one old copy that others must be beside; said in the step. */
  #breakRule(): boolean {
    if (this.#lingering.length > 0 && this.#endWave([], [], true)) return true;
    for (const [node, queue] of this.#queues.entries())
      for (const [at, replica] of queue.entries()) {
        const service = this.#instance.serviceOf[replica]!;
        if (!this.#state.fits(service, node)) continue;
        const rule = this.#state.startBreaks(service, node, this.#state.home[replica]!);
        const steps: MoveStep[] = [];
        const leaving: { replica: number; node: number }[] = [];
        queue.splice(at, 1);
        this.#begin(replica, node, steps, leaving, rule === null ? [] : [this.#sentence(replica, node, rule, "arrives")]);
        for (const [other, waiting] of this.#queues.entries()) if (waiting.length > 0) this.#stirred.add(other);
        return this.#endWave(steps, leaving);
      }
    return false;
  }

  /** For each node that replicas wait for: the fewest replicas on their way elsewhere that have to leave it first. */
  #ways(everyWay = false): Way[] {
    const { serviceOf, topologies } = this.#instance;
    const state = this.#state;
    const outs = new Map<number, number[]>();
    for (const queue of this.#queues)
      for (const replica of queue) {
        const home = state.home[replica]!;
        if (home < 0) continue;
        const there = outs.get(home);
        if (there === undefined) outs.set(home, [replica]);
        else there.push(replica);
      }
    const size = this.#sizes;
    const most = everyWay ? Number.POSITIVE_INFINITY : mostBlockers;
    const ways: Way[] = [];
    for (const [node, queue] of this.#queues.entries()) {
      let best: Way | undefined;
      for (const replica of everyWay ? queue : queue.slice(0, looks)) {
        const service = serviceOf[replica]!;
        const rule = state.startBreaks(service, node, state.home[replica]!);
        const blockers: number[] = [];
        if (rule?.kind === "antiAffinity") {
          // Out of the way go those of the other service that leave this domain anyhow. Other rules give way in #breakRule, once there is room.
          const rival = state.rivals(service, rule);
          const { domainOf } = topologies[rule.topology]!;
          for (const [home, replicas] of outs)
            if (domainOf[home] === domainOf[node]) blockers.push(...replicas.filter((one) => serviceOf[one] === rival && one !== replica));
        }
        const here = (outs.get(node) ?? []).filter((one) => !blockers.includes(one));
        const gone = () => blockers.filter((one) => state.home[one] === node);
        if (!state.fitsWithout(service, node, gone())) {
          here.sort((a, b) => size[serviceOf[a]!]! - size[serviceOf[b]!]! || a - b);
          const single = here.find((one) => state.fitsWithout(service, node, [...gone(), one]));
          if (single !== undefined) blockers.push(single);
          else
            for (const one of here.reverse()) {
              blockers.push(one);
              if (blockers.length > most || state.fitsWithout(service, node, gone())) break;
            }
        }
        if (blockers.length === 0 || blockers.length > most || !state.fitsWithout(service, node, gone())) continue;
        if (best === undefined || blockers.length < best.blockers.length) best = { node, blockers };
      }
      if (best !== undefined) ways.push(best);
    }
    return ways;
  }
  get #sizes(): Float64Array {
    this.#sizesKept ??= sizes(this.#instance);
    return this.#sizesKept;
  }
  #sizesKept: Float64Array | undefined;

  /** Few replicas, that have not hopped yet, with little to carry. */
  #hopCost({ blockers }: Way): number {
    const { serviceOf, moveBytes } = this.#instance;
    return blockers.reduce((sum, replica) => sum + 1 + this.#hopped[replica]! + moveBytes[serviceOf[replica]!]! / 1e12, 0);
  }

  /** How many ways may be made at once: one for each part of the graph of moves that hangs together, and one more for every 64 moves in it. */
  #allowance(): { get: (node: number) => number; take: (node: number) => void } {
    const parent = Int32Array.from({ length: this.#instance.nodes }, (_, node) => node);
    const root = (node: number): number => {
      let at = node;
      while (parent[at] !== at) {
        parent[at] = parent[parent[at]!]!;
        at = parent[at]!;
      }
      return at;
    };
    for (const [node, queue] of this.#queues.entries())
      for (const replica of queue) {
        const home = this.#state.home[replica]!;
        if (home >= 0) parent[root(home)] = root(node);
      }
    const left = new Map<number, number>();
    for (const [node, queue] of this.#queues.entries()) left.set(root(node), (left.get(root(node)) ?? 0) + queue.length);
    for (const [node, count] of left) left.set(node, 1 + Math.floor(count / 64));
    return { get: (node) => left.get(root(node))!, take: (node) => left.set(root(node), left.get(root(node))! - 1) };
  }

  #sentence(replica: number, node: number, rule: Rule, does: "arrives" | "leaves"): string {
    const { problem, topologies } = this.#instance;
    const name = (service: number) => problem.services[service]!.name;
    const what =
      rule.kind === "spread"
        ? `spread of ${name(rule.service)}`
        : `${rule.kind === "affinity" ? "affinity" : "anti-affinity"} of ${name(rule.service)} to ${name(rule.other)}`;
    return `${what} within ${topologies[rule.topology]!.name} is broken for a moment when ${this.#names[replica]} ${does} ${does === "arrives" ? "on" : "from"} ${this.#nodeName(node)}`.replace(
      "leaves from",
      "leaves",
    );
  }

  #nodeName(node: number): string {
    return this.#instance.problem.nodes[node]!.name;
  }

  /** The end must be within capacity, or there is no way to it. */
  #checkEnd(): void {
    const { nodes, replicas, resources, demand, serviceOf, wholeCapacity, present, problem } = this.#instance;
    const end = new Float64Array(nodes * resources);
    for (let replica = 0; replica < replicas; replica++) {
      const node = this.#target[replica]! >= 0 ? this.#target[replica]! : present[replica]!;
      if (node < 0) continue;
      for (let r = 0; r < resources; r++) end[node * resources + r]! += demand[serviceOf[replica]! * resources + r]!;
    }
    for (let node = 0; node < nodes; node++)
      for (let r = 0; r < resources; r++) {
        const at = node * resources + r;
        if (end[at]! <= wholeCapacity[at]! * (1 + 1e-9) || this.#queues[node]!.length === 0) continue;
        const share = Math.round((end[at]! / wholeCapacity[at]!) * 1000) / 10;
        throw new MitsuError(`the plan puts ${share} % of its ${problem.resources[r]!.name} on node ${problem.nodes[node]!.name}`, {
          code: "ERR_PLACER_OVER_CAPACITY",
          hint: "plan again; see 'placer plan --help'",
          exit: exitStatus.failure,
        });
      }
  }
}

/** Of each service's replica: the largest share that it takes of the resource's total. */
function sizes({ nodes, services, resources, demand, wholeCapacity }: Instance): Float64Array {
  const total = new Float64Array(resources);
  for (let m = 0; m < nodes; m++) for (let r = 0; r < resources; r++) total[r]! += wholeCapacity[m * resources + r]!;
  return Float64Array.from({ length: services }, (_, s) => {
    let most = 0;
    for (let r = 0; r < resources; r++) if (total[r]! > 0) most = Math.max(most, demand[s * resources + r]! / total[r]!);
    return most;
  });
}

function trafficOfReplicas({ problem, replicas, serviceOf, firstReplica }: Instance): Float64Array {
  const index = new Map(problem.services.map(({ name }, at) => [name, at]));
  const messages = new Float64Array(problem.services.length);
  for (const { from, to, messagesPerSecond } of problem.traffic)
    for (const end of new Set([from, to])) messages[index.get(end)!]! += messagesPerSecond;
  return Float64Array.from({ length: replicas }, (_, replica) => {
    const service = serviceOf[replica]!;
    return messages[service]! / (firstReplica[service + 1]! - firstReplica[service]!);
  });
}

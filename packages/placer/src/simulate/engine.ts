/**
 * The simulation: requests come, walk through operations, wait for workers and cores, and pay for messages. One class and a long file, as every step of a
 * call leads to the next, and all of them share the clock and what is counted.
 *
 * A call goes through: on its way → waiting for a worker → a part of its CPU work → its calls of one step are out → the next part → … → answered.
 * What messages cost is added to the part before they are sent, or after they came. What a call draws at random depends on its request and its place in
 * it only, so that two plans, or two models, meet the same requests.
 *
 * @module
 */

import { childKey, Draws, EventHeap, Random } from "@mitsu/simulation";
import { CallPool, nobody } from "./call-pool.ts";
import type { DeployedCall, Deployment } from "./deployment.ts";
import { NextNode } from "./next-node.ts";
import { NodeCpu } from "./node-cpu.ts";
import { offeredLoad, overloaded } from "./offered-load.ts";
import { type Outcome, responseTimes } from "./outcome.ts";

/** How it is run. */
export interface SimulateOptions {
  /** Requests a second. */
  readonly rate: number;
  /** Simulated time, warm-up included. */
  readonly seconds: number;
  /** Of it, not counted. */
  readonly warmUp: number;
  readonly seed: number;
  /** `poisson` unless told. */
  readonly arrivals?: "poisson" | "deterministic";
  /** Called about every hundred thousand steps with the share that is done. */
  readonly onProgress?: (done: number) => void;
}

/** What a timer stands for; its number is call × 4 + kind. */
const timer = { arrive: 0, wait: 1, answer: 2, request: 3 } as const;
/** What a number is drawn for. */
const draw = { cpu: 0, wait: 1, made: 2, node: 3, replica: 4 } as const;
/** More requests in flight than this, and the queue only grows. */
const mostInFlight = 100_000;

/** Simulates one rate. */
export function simulate(deployment: Deployment, options: SimulateOptions): Outcome {
  return new Simulation(deployment, options).run();
}

class Simulation {
  readonly #d: Deployment;
  readonly #options: SimulateOptions;
  readonly #arrivals: Random;
  readonly #draws = new Draws();
  readonly #timers = new EventHeap();
  readonly #next: NextNode;
  readonly #cpus: readonly NodeCpu[];
  #now = 0;
  #events = 0;

  readonly #pool = new CallPool();

  // By replica.
  readonly #idle: Int32Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;

  // What is counted, from the end of the warm-up to the end.
  readonly #calls: Float64Array;
  readonly #waited: Float64Array;
  readonly #busy: Float64Array;
  readonly #busyNow: Float64Array;
  readonly #busySince: Float64Array;
  #counting = false;
  #inFlight = 0;
  #flight = 0;
  #flightSince = 0;
  #answered = 0;
  #requests = 0;
  #open = 0;
  /** By the order in which requests came; NaN until answered. */
  #responses = new Float64Array(1024);

  constructor(deployment: Deployment, options: SimulateOptions) {
    this.#d = deployment;
    this.#options = options;
    this.#arrivals = new Random(options.seed);
    this.#next = new NextNode(deployment.nodes.length);
    this.#cpus = deployment.nodes.map(({ cores, speed }) => new NodeCpu(cores, speed, deployment.scheduler));
    const replicas = deployment.replicaNode.length;
    this.#idle = Int32Array.from(deployment.replicaService, (service) => deployment.workers[service]!);
    this.#first = new Int32Array(replicas).fill(nobody);
    this.#last = new Int32Array(replicas).fill(nobody);
    const services = deployment.serviceNames.length;
    this.#calls = new Float64Array(services);
    this.#waited = new Float64Array(services);
    this.#busy = new Float64Array(services);
    this.#busyNow = new Float64Array(services);
    this.#busySince = new Float64Array(services);
  }

  run(): Outcome {
    const { rate, seconds, warmUp, onProgress } = this.#options;
    const load = offeredLoad(this.#d);
    const overload = overloaded(this.#d, load, rate);
    if (overload !== null) return this.#outcome(overload, load.onNode, seconds, rate);
    // Requests go on coming until all that are counted are answered: a system that runs empty would flatter the slowest.
    const last = seconds + Math.max(seconds, 1);
    this.#timers.push(this.#gap(), timer.request);
    let atStart = 0;
    let atEnd = nobody;
    let flight = 0;
    let utilisation: readonly number[] = [];
    for (;;) {
      const node = this.#next.time;
      const time = this.#timers.firstTime;
      const now = Math.min(node, time);
      if (!this.#counting && atEnd === nobody && now >= warmUp) {
        this.#startCounting(warmUp);
        atStart = this.#inFlight;
      }
      if (this.#counting && now >= seconds) {
        utilisation = this.#stopCounting(seconds);
        flight = this.#flight;
        atEnd = this.#inFlight;
      }
      if (atEnd !== nobody && (this.#open === 0 || now > last)) break;
      if (this.#inFlight > mostInFlight)
        return this.#outcome(`${mostInFlight} requests are in flight, and more every second`, load.onNode, seconds, rate);
      this.#now = now;
      if ((++this.#events & 0x1ffff) === 0) onProgress?.(Math.min(1, now / seconds));
      if (node < time) {
        const at = this.#next.node;
        const cpu = this.#cpus[at]!;
        const call = cpu.take(now);
        // What was woken goes to sleep again after it has sent what it had to, and before a core of this node has time for who gets it.
        if (call !== nobody && this.#pool.woke[call] === 1 && this.#d.wake > 0) cpu.add(nobody, this.#d.wake, now);
        this.#next.set(at, cpu.nextAt);
        if (call !== nobody) this.#worked(call);
      } else this.#due(this.#timers.pop());
    }
    const counted = this.#requests;
    // Chance alone makes the queue go up and down; what grows by more than that and by a fiftieth of what came does not end.
    const growth = atEnd - atStart;
    const grown = growth > 0.02 * counted + 4 * Math.sqrt(counted) || this.#open > 0;
    return this.#outcome(grown ? this.#fullest(utilisation) : null, load.onNode, seconds, rate, utilisation, flight);
  }

  /** Time to the next request. */
  #gap(): number {
    if (this.#options.arrivals === "deterministic") return 1 / this.#options.rate;
    return -Math.log(this.#arrivals.fraction()) / this.#options.rate;
  }

  #due(number: number): void {
    const call = number >> 2;
    const kind = number & 3;
    if (kind === timer.request) this.#request();
    else if (kind === timer.arrive) this.#arrive(call);
    else if (kind === timer.answer) this.#back(call);
    else this.#go(call, this.#d.holding[this.#d.operations[this.#pool.operation[call]!]!.service] === 1);
  }

  #request(): void {
    this.#timers.push(this.#now + this.#gap(), timer.request);
    const pick = this.#arrivals.fraction();
    const key = this.#arrivals.bits();
    const { requests, latency, serviceNames } = this.#d;
    let r = 0;
    while (requests[r]!.upTo < pick && r < requests.length - 1) r++;
    const call = this.#make(requests[r]!.call, nobody, key, serviceNames.length, 0);
    this.#count(1);
    this.#pool.came[call] = this.#now;
    this.#pool.number[call] = nobody;
    if (this.#counting) {
      if (this.#requests === this.#responses.length) {
        const grown = new Float64Array(this.#responses.length * 2);
        grown.set(this.#responses);
        this.#responses = grown;
      }
      this.#pool.number[call] = this.#requests++;
      this.#open++;
    }
    this.#pool.extra[call] = requests[r]!.call.request.remote;
    if (latency.remote > 0) this.#timers.push(this.#now + latency.remote, call * 4 + timer.arrive);
    else this.#arrive(call);
  }

  /** A new call from a service on a node; it has chosen its replica. */
  #make(call: DeployedCall, parent: number, key: number, fromService: number, fromNode: number): number {
    const made = this.#pool.take();
    const draws = this.#draws;
    const to = this.#d.operations[call.operation]!.service;
    const route = this.#d.routes[fromService]![to]![fromNode]!;
    let node = route.nodes[0]!;
    if (route.nodes.length > 1) {
      const pick = draws.at(key, draw.node).uniform();
      let i = 0;
      while (route.upTo[i]! < pick) i++;
      node = route.nodes[i]!;
    }
    const replicas = this.#d.replicasOn[to]![node]!;
    this.#pool.replica[made] =
      replicas.length === 1 ? replicas[0]! : replicas[Math.floor(draws.at(key, draw.replica).uniform() * replicas.length)]!;
    this.#pool.call[made] = call;
    this.#pool.operation[made] = call.operation;
    this.#pool.parent[made] = parent;
    this.#pool.key[made] = key;
    this.#pool.step[made] = 0;
    this.#pool.out[made] = 0;
    this.#pool.extra[made] = 0;
    this.#pool.toSend[made] = nobody;
    this.#pool.rested[made] = 0;
    this.#pool.roused[made] = 0;
    const { cpu, steps } = this.#d.operations[call.operation]!;
    this.#pool.part[made] = cpu(draws.at(key, draw.cpu)) / (steps.length + 1);
    return made;
  }

  #arrive(call: number): void {
    const replica = this.#pool.replica[call]!;
    if (this.#counting) this.#calls[this.#d.replicaService[replica]!]!++;
    this.#pool.roused[call] = Number(this.#path(call) === "remote");
    this.#wantWorker(call);
  }

  #wantWorker(call: number): void {
    const replica = this.#pool.replica[call]!;
    if (this.#idle[replica]! > 0) {
      this.#workers(replica, 1);
      this.#begin(call);
      return;
    }
    this.#pool.since[call] = this.#now;
    this.#pool.after[call] = nobody;
    if (this.#first[replica] === nobody) this.#first[replica] = call;
    else this.#pool.after[this.#last[replica]!] = call;
    this.#last[replica] = call;
  }

  #leaveWorker(replica: number): void {
    const next = this.#first[replica]!;
    if (next === nobody) {
      this.#workers(replica, -1);
      return;
    }
    this.#first[replica] = this.#pool.after[next]!;
    if (this.#counting) this.#waited[this.#d.replicaService[replica]!]! += this.#now - this.#pool.since[next]!;
    this.#pool.roused[next] = 0;
    this.#begin(next);
  }

  /** Begins a part of its work: decides which calls follow it, and so what it costs. */
  #begin(call: number): void {
    const operation = this.#d.operations[this.#pool.operation[call]!]!;
    const node = this.#d.replicaNode[this.#pool.replica[call]!]!;
    let work = this.#pool.part[call]! + this.#pool.extra[call]!;
    this.#pool.extra[call] = 0;
    let step = this.#pool.step[call]!;
    // A step of which chance leaves nothing costs its part, and the next follows at once.
    for (; step < operation.steps.length; step++) {
      const sent = this.#prepare(call, operation.steps[step]!, step, operation.service, node);
      if (sent >= 0) {
        work += sent;
        break;
      }
      work += this.#pool.part[call]!;
    }
    this.#pool.step[call] = step;
    if (step === operation.steps.length) work += this.#pool.call[call]!.response[this.#path(call)];
    const cpu = this.#cpus[node]!;
    // What one of its own cores begins follows on that core, which does not sleep in between.
    this.#pool.woke[call] = this.#pool.roused[call]! & Number(cpu.idle);
    this.#pool.roused[call] = 0;
    cpu.add(call, work, this.#now);
    this.#next.set(node, cpu.nextAt);
  }

  /** Makes the calls of a step; what sending them costs, or -1 when there are none. */
  #prepare(call: number, step: readonly DeployedCall[], number: number, service: number, node: number): number {
    let cost = -1;
    for (let c = 0; c < step.length; c++) {
      const what = step[c]!;
      for (let time = 0; time < what.times; time++) {
        const key = childKey(this.#pool.key[call]!, (number << 16) + (c << 8) + time);
        if (what.probability < 1 && this.#draws.at(key, draw.made).uniform() >= what.probability) continue;
        const made = this.#make(what, call, key, service, node);
        this.#pool.after[made] = this.#pool.toSend[call]!;
        this.#pool.toSend[call] = made;
        const half = what.request[this.#path(made)];
        this.#pool.extra[made] = half;
        cost = Math.max(cost, 0) + half;
      }
    }
    return cost;
  }

  /** Whether a call and who made it are on one node. */
  #path(call: number): "local" | "remote" {
    const parent = this.#pool.parent[call]!;
    return parent !== nobody && this.#d.replicaNode[this.#pool.replica[parent]!] === this.#d.replicaNode[this.#pool.replica[call]!]
      ? "local"
      : "remote";
  }

  /** A part of its work is done. */
  #worked(call: number): void {
    const { wait, service } = this.#d.operations[this.#pool.operation[call]!]!;
    if (wait === null || this.#pool.rested[call] === 1) {
      this.#go(call, true);
      return;
    }
    this.#pool.rested[call] = 1;
    if (this.#d.holding[service] === 0) this.#leaveWorker(this.#pool.replica[call]!);
    this.#timers.push(this.#now + wait(this.#draws.at(this.#pool.key[call]!, draw.wait)), call * 4 + timer.wait);
  }

  /** Sends the calls of the step, or the answer. `kept`: it still has its worker. */
  #go(call: number, kept: boolean): void {
    const { steps, service } = this.#d.operations[this.#pool.operation[call]!]!;
    const replica = this.#pool.replica[call]!;
    if (this.#pool.step[call] === steps.length) {
      this.#answer(call);
      if (kept) this.#leaveWorker(replica);
      return;
    }
    let next = this.#pool.toSend[call]!;
    this.#pool.toSend[call] = nobody;
    this.#pool.step[call]!++;
    const holding = this.#d.holding[service] === 1;
    // Counted before any is sent: one that is answered at once must not be taken for the last.
    for (let one = next; one !== nobody; one = this.#pool.after[one]!) this.#pool.out[call]!++;
    while (next !== nobody) {
      const one = next;
      next = this.#pool.after[one]!;
      const latency = this.#d.latency[this.#path(one)];
      if (latency > 0) this.#timers.push(this.#now + latency, one * 4 + timer.arrive);
      else this.#arrive(one);
    }
    if (kept && !holding) this.#leaveWorker(replica);
  }

  #answer(call: number): void {
    if (this.#pool.parent[call] === nobody) {
      const number = this.#pool.number[call]!;
      if (number !== nobody) {
        this.#responses[number] = this.#now - this.#pool.came[call]! + this.#d.latency.remote;
        this.#open--;
      }
      if (this.#counting) this.#answered++;
      this.#count(-1);
      this.#pool.give(call);
      return;
    }
    const latency = this.#d.latency[this.#path(call)];
    if (latency > 0) this.#timers.push(this.#now + latency, call * 4 + timer.answer);
    else this.#back(call);
  }

  /** An answer is back at who asked. */
  #back(call: number): void {
    const parent = this.#pool.parent[call]!;
    const path = this.#path(call);
    this.#pool.extra[parent]! += this.#pool.call[call]!.response[path];
    this.#pool.roused[parent] = Number(path === "remote");
    this.#pool.give(call);
    if (--this.#pool.out[parent]! > 0) return;
    if (this.#d.holding[this.#d.operations[this.#pool.operation[parent]!]!.service] === 1) this.#begin(parent);
    else this.#wantWorker(parent);
  }

  #workers(replica: number, by: number): void {
    const service = this.#d.replicaService[replica]!;
    this.#idle[replica]! -= by;
    if (this.#counting) this.#busy[service]! += this.#busyNow[service]! * (this.#now - this.#busySince[service]!);
    this.#busySince[service] = this.#now;
    this.#busyNow[service]! += by;
  }

  #count(by: number): void {
    if (this.#counting) this.#flight += this.#inFlight * (this.#now - this.#flightSince);
    this.#flightSince = this.#now;
    this.#inFlight += by;
  }

  #startCounting(at: number): void {
    this.#counting = true;
    this.#flightSince = at;
    this.#busySince.fill(at);
    for (const cpu of this.#cpus) cpu.resetBusy(at);
  }

  /** Ends what is counted; the share of each node's cores that was in use. */
  #stopCounting(at: number): number[] {
    this.#now = at;
    this.#count(0);
    for (let s = 0; s < this.#busy.length; s++) this.#busy[s]! += this.#busyNow[s]! * (at - this.#busySince[s]!);
    this.#counting = false;
    const counted = at - this.#options.warmUp;
    return this.#cpus.map((cpu, n) => {
      const { busy } = cpu;
      cpu.resetBusy(at);
      return (busy + cpu.busy) / counted / this.#d.nodes[n]!.cores;
    });
  }

  /** Where it stands in a queue that only grows: the fullest node, or workers. */
  #fullest(utilisation: readonly number[]): string {
    const { nodeNames, serviceNames, workers, replicasOn } = this.#d;
    const counted = this.#options.seconds - this.#options.warmUp;
    const busy = serviceNames.map(
      (_, s) => this.#busy[s]! / counted / (workers[s]! * replicasOn[s]!.reduce((sum, on) => sum + on.length, 0)),
    );
    const full = utilisation.reduce((most, share, n) => (share > utilisation[most]! ? n : most), 0);
    // Workers are kept while a node is slow, so a full node is the cause and not they.
    if (utilisation[full]! > 0.97) return `node ${nodeNames[full]} is at ${Math.round(utilisation[full]! * 100)} % of its cores`;
    const service = busy.reduce((most, share, s) => (share > busy[most]! ? s : most), 0);
    return `all workers of ${serviceNames[service]} are busy`;
  }

  #outcome(
    saturated: string | null,
    onNode: number,
    seconds: number,
    rate: number,
    utilisation: readonly number[] = [],
    flight = 0,
  ): Outcome {
    const { nodeNames, serviceNames, workers, replicasOn, overhead } = this.#d;
    const counted = seconds - this.#options.warmUp;
    const whole = utilisation.length > 0;
    return {
      rate,
      throughput: whole ? this.#answered / counted : Number.NaN,
      response: saturated === null && this.#requests > 0 ? responseTimes(this.#responses.slice(0, this.#requests), overhead) : null,
      saturated,
      utilisation: whole ? nodeNames.map((node, n) => ({ node, share: utilisation[n]! })) : [],
      services: whole
        ? serviceNames.map((service, s) => ({
            service,
            calls: this.#calls[s]! / counted,
            wait: this.#calls[s] === 0 ? 0 : this.#waited[s]! / this.#calls[s]!,
            busy: this.#busy[s]! / counted / (workers[s]! * replicasOn[s]!.reduce((sum, on) => sum + on.length, 0)),
          }))
        : [],
      inFlight: flight / counted,
      onNode,
      events: this.#events,
    };
  }
}

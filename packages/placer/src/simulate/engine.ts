/**
 * The simulation: requests come, walk through operations, wait for workers and cores, and pay for messages. One class, as all of it shares the pool of
 * calls in progress, which is arrays and not objects: a request makes dozens of calls, and millions of steps a second are wanted.
 *
 * A call goes through: on its way → waiting for a worker → a part of its CPU work → its calls of one step are out → the next part → … → answered.
 * What messages cost is added to the part before they are sent, or after they came. What a call draws at random depends on its request and its place in
 * it only, so that two plans, or two models, meet the same requests.
 *
 * @module
 */
import type { DeployedCall, Deployment } from "./deployment.ts";
import { NextNode } from "./next-node.ts";
import { NodeCpu } from "./node-cpu.ts";
import { offeredLoad, overloaded } from "./offered-load.ts";
import { type Outcome, responseTimes } from "./outcome.ts";
import { childKey, Draws, Xoshiro } from "./random.ts";
import { TimeHeap } from "./time-heap.ts";

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
const nobody = -1;
/** More requests in flight than this, and the queue only grows. */
const mostInFlight = 100_000;

/** Simulates one rate. */
export function simulate(deployment: Deployment, options: SimulateOptions): Outcome {
  return new Simulation(deployment, options).run();
}

class Simulation {
  readonly #d: Deployment;
  readonly #options: SimulateOptions;
  readonly #arrivals: Xoshiro;
  readonly #draws = new Draws();
  readonly #timers = new TimeHeap();
  readonly #next: NextNode;
  readonly #cpus: readonly NodeCpu[];
  #now = 0;
  #events = 0;

  // The pool of calls, and the first of those that are free.
  #capacity = 1024;
  #operation = new Int32Array(1024);
  #replica = new Int32Array(1024);
  #parent = new Int32Array(1024);
  #step = new Int32Array(1024);
  /** Answers that it waits for. */
  #out = new Int32Array(1024);
  #key = new Int32Array(1024);
  /** The next one in a replica's queue, among the free, or among the calls that wait to be sent. */
  #after = new Int32Array(1024).fill(nobody);
  /** Calls to send when the present part is over. */
  #toSend = new Int32Array(1024).fill(nobody);
  /** 1 after its wait. */
  #rested = new Int32Array(1024);
  /** 1 when the present part found a core idle. */
  #woke = new Int32Array(1024);
  /** Of a request's first call: which of the counted requests it is; -1 for the others. */
  #number = new Int32Array(1024);
  /** CPU seconds of each part of its work; of the messages that it got since the last. */
  #part = new Float64Array(1024);
  #extra = new Float64Array(1024);
  /** When it began to wait for a worker; of a request's first call, #came says when the request came. */
  #since = new Float64Array(1024);
  #came = new Float64Array(1024);
  #call: DeployedCall[] = [];
  #free = nobody;
  #used = 0;

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
    this.#arrivals = new Xoshiro(options.seed);
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
        if (call !== nobody && this.#woke[call] === 1 && this.#d.wake > 0) cpu.add(nobody, this.#d.wake, now);
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
    return -Math.log(this.#arrivals.uniform()) / this.#options.rate;
  }

  #due(number: number): void {
    const call = number >> 2;
    const kind = number & 3;
    if (kind === timer.request) this.#request();
    else if (kind === timer.arrive) this.#arrive(call);
    else if (kind === timer.answer) this.#back(call);
    else this.#go(call, this.#d.holding[this.#d.operations[this.#operation[call]!]!.service] === 1);
  }

  #request(): void {
    this.#timers.push(this.#now + this.#gap(), timer.request);
    const pick = this.#arrivals.uniform();
    const key = this.#arrivals.next();
    const { requests, latency, serviceNames } = this.#d;
    let r = 0;
    while (requests[r]!.upTo < pick && r < requests.length - 1) r++;
    const call = this.#make(requests[r]!.call, nobody, key, serviceNames.length, 0);
    this.#count(1);
    this.#came[call] = this.#now;
    this.#number[call] = nobody;
    if (this.#counting) {
      if (this.#requests === this.#responses.length) {
        const grown = new Float64Array(this.#responses.length * 2);
        grown.set(this.#responses);
        this.#responses = grown;
      }
      this.#number[call] = this.#requests++;
      this.#open++;
    }
    this.#extra[call] = requests[r]!.call.request.remote;
    if (latency.remote > 0) this.#timers.push(this.#now + latency.remote, call * 4 + timer.arrive);
    else this.#arrive(call);
  }

  /** A new call from a service on a node; it has chosen its replica. */
  #make(call: DeployedCall, parent: number, key: number, fromService: number, fromNode: number): number {
    const made = this.#take();
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
    this.#replica[made] =
      replicas.length === 1 ? replicas[0]! : replicas[Math.floor(draws.at(key, draw.replica).uniform() * replicas.length)]!;
    this.#call[made] = call;
    this.#operation[made] = call.operation;
    this.#parent[made] = parent;
    this.#key[made] = key;
    this.#step[made] = 0;
    this.#out[made] = 0;
    this.#extra[made] = 0;
    this.#toSend[made] = nobody;
    this.#rested[made] = 0;
    const { cpu, steps } = this.#d.operations[call.operation]!;
    this.#part[made] = cpu(draws.at(key, draw.cpu)) / (steps.length + 1);
    return made;
  }

  #arrive(call: number): void {
    const replica = this.#replica[call]!;
    if (this.#counting) this.#calls[this.#d.replicaService[replica]!]!++;
    this.#wantWorker(call);
  }

  #wantWorker(call: number): void {
    const replica = this.#replica[call]!;
    if (this.#idle[replica]! > 0) {
      this.#workers(replica, 1);
      this.#begin(call);
      return;
    }
    this.#since[call] = this.#now;
    this.#after[call] = nobody;
    if (this.#first[replica] === nobody) this.#first[replica] = call;
    else this.#after[this.#last[replica]!] = call;
    this.#last[replica] = call;
  }

  #leaveWorker(replica: number): void {
    const next = this.#first[replica]!;
    if (next === nobody) {
      this.#workers(replica, -1);
      return;
    }
    this.#first[replica] = this.#after[next]!;
    if (this.#counting) this.#waited[this.#d.replicaService[replica]!]! += this.#now - this.#since[next]!;
    this.#begin(next);
  }

  /** Begins a part of its work: decides which calls follow it, and so what it costs. */
  #begin(call: number): void {
    const operation = this.#d.operations[this.#operation[call]!]!;
    const node = this.#d.replicaNode[this.#replica[call]!]!;
    let work = this.#part[call]! + this.#extra[call]!;
    this.#extra[call] = 0;
    let step = this.#step[call]!;
    // A step of which chance leaves nothing costs its part, and the next follows at once.
    for (; step < operation.steps.length; step++) {
      const sent = this.#prepare(call, operation.steps[step]!, step, operation.service, node);
      if (sent >= 0) {
        work += sent;
        break;
      }
      work += this.#part[call]!;
    }
    this.#step[call] = step;
    if (step === operation.steps.length) work += this.#call[call]!.response[this.#path(call)];
    const cpu = this.#cpus[node]!;
    this.#woke[call] = Number(cpu.idle);
    cpu.add(call, work, this.#now);
    this.#next.set(node, cpu.nextAt);
  }

  /** Makes the calls of a step; what sending them costs, or -1 when there are none. */
  #prepare(call: number, step: readonly DeployedCall[], number: number, service: number, node: number): number {
    let cost = -1;
    for (let c = 0; c < step.length; c++) {
      const what = step[c]!;
      for (let time = 0; time < what.times; time++) {
        const key = childKey(this.#key[call]!, (number << 16) + (c << 8) + time);
        if (what.probability < 1 && this.#draws.at(key, draw.made).uniform() >= what.probability) continue;
        const made = this.#make(what, call, key, service, node);
        this.#after[made] = this.#toSend[call]!;
        this.#toSend[call] = made;
        const half = what.request[this.#path(made)];
        this.#extra[made] = half;
        cost = Math.max(cost, 0) + half;
      }
    }
    return cost;
  }

  /** Whether a call and who made it are on one node. */
  #path(call: number): "local" | "remote" {
    const parent = this.#parent[call]!;
    return parent !== nobody && this.#d.replicaNode[this.#replica[parent]!] === this.#d.replicaNode[this.#replica[call]!]
      ? "local"
      : "remote";
  }

  /** A part of its work is done. */
  #worked(call: number): void {
    const { wait, service } = this.#d.operations[this.#operation[call]!]!;
    if (wait === null || this.#rested[call] === 1) {
      this.#go(call, true);
      return;
    }
    this.#rested[call] = 1;
    if (this.#d.holding[service] === 0) this.#leaveWorker(this.#replica[call]!);
    this.#timers.push(this.#now + wait(this.#draws.at(this.#key[call]!, draw.wait)), call * 4 + timer.wait);
  }

  /** Sends the calls of the step, or the answer. `kept`: it still has its worker. */
  #go(call: number, kept: boolean): void {
    const { steps, service } = this.#d.operations[this.#operation[call]!]!;
    const replica = this.#replica[call]!;
    if (this.#step[call] === steps.length) {
      this.#answer(call);
      if (kept) this.#leaveWorker(replica);
      return;
    }
    let next = this.#toSend[call]!;
    this.#toSend[call] = nobody;
    this.#step[call]!++;
    const holding = this.#d.holding[service] === 1;
    // Counted before any is sent: one that is answered at once must not be taken for the last.
    for (let one = next; one !== nobody; one = this.#after[one]!) this.#out[call]!++;
    while (next !== nobody) {
      const one = next;
      next = this.#after[one]!;
      const latency = this.#d.latency[this.#path(one)];
      if (latency > 0) this.#timers.push(this.#now + latency, one * 4 + timer.arrive);
      else this.#arrive(one);
    }
    if (kept && !holding) this.#leaveWorker(replica);
  }

  #answer(call: number): void {
    if (this.#parent[call] === nobody) {
      const number = this.#number[call]!;
      if (number !== nobody) {
        this.#responses[number] = this.#now - this.#came[call]! + this.#d.latency.remote;
        this.#open--;
      }
      if (this.#counting) this.#answered++;
      this.#count(-1);
      this.#give(call);
      return;
    }
    const latency = this.#d.latency[this.#path(call)];
    if (latency > 0) this.#timers.push(this.#now + latency, call * 4 + timer.answer);
    else this.#back(call);
  }

  /** An answer is back at who asked. */
  #back(call: number): void {
    const parent = this.#parent[call]!;
    this.#extra[parent]! += this.#call[call]!.response[this.#path(call)];
    this.#give(call);
    if (--this.#out[parent]! > 0) return;
    if (this.#d.holding[this.#d.operations[this.#operation[parent]!]!.service] === 1) this.#begin(parent);
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

  /** A number of the pool. */
  #take(): number {
    if (this.#free !== nobody) {
      const call = this.#free;
      this.#free = this.#after[call]!;
      return call;
    }
    if (this.#used === this.#capacity) this.#grow();
    return this.#used++;
  }

  #give(call: number): void {
    this.#after[call] = this.#free;
    this.#free = call;
  }

  #grow(): void {
    this.#capacity *= 2;
    const ints = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(this.#capacity);
      grown.set(old);
      return grown;
    };
    const floats = (old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(this.#capacity);
      grown.set(old);
      return grown;
    };
    this.#operation = ints(this.#operation);
    this.#replica = ints(this.#replica);
    this.#parent = ints(this.#parent);
    this.#step = ints(this.#step);
    this.#out = ints(this.#out);
    this.#key = ints(this.#key);
    this.#after = ints(this.#after);
    this.#toSend = ints(this.#toSend);
    this.#rested = ints(this.#rested);
    this.#woke = ints(this.#woke);
    this.#number = ints(this.#number);
    this.#part = floats(this.#part);
    this.#extra = floats(this.#extra);
    this.#since = floats(this.#since);
    this.#came = floats(this.#came);
  }
}

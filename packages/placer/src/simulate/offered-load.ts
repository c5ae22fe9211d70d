/** What a rate asks of nodes and workers, on the average and without simulating: says beforehand when it cannot be borne. @module */
import type { DeployedCall, Deployment } from "./deployment.ts";

/** Means at one request each second, of a system in which no core is ever idle and so none has to be woken. */
export interface OfferedLoad {
  /** `Float64Array[nodes]`: core seconds of each request there. */
  readonly nodeCpu: Float64Array;
  /** `Float64Array[services]`: core seconds of each request, messages included. */
  readonly serviceCpu: Float64Array;
  /** `Float64Array[services]`: seconds for which workers are kept by each request when nothing waits. */
  readonly workerSeconds: Float64Array;
  /** `Float64Array[services × nodes]`: parts of work of each request there that messages from elsewhere begin: each may find a core idle. */
  readonly roused: Float64Array;
  /** Calls of each request, the client's included. */
  readonly calls: number;
  /** Of the calls between services, the share that stays on its node. */
  readonly onNode: number;
}

/** Works out {@link OfferedLoad}. */
export function offeredLoad(deployment: Deployment): OfferedLoad {
  const { operations, routes, nodes, serviceNames, holding, latency } = deployment;
  const services = serviceNames.length;
  const nodeCpu = new Float64Array(nodes.length);
  const serviceCpu = new Float64Array(services);
  const workerSeconds = new Float64Array(services);
  const roused = new Float64Array(services * nodes.length);
  let calls = 0;
  let between = 0;
  let stay = 0;
  // Operations at a node happen `rate` times; a call hands its share of that on. Callees come after their callers in this order.
  const order = callersFirst(deployment);
  const rate = operations.map(() => new Float64Array(nodes.length));
  const own = operations.map(() => new Float64Array(nodes.length)); // CPU charged by messages, by operation and node
  const send = (from: number, call: DeployedCall, node: number, times: number): void => {
    const route = routes[from]![operations[call.operation]!.service]![node]!;
    let below = 0;
    for (let i = 0; i < route.nodes.length; i++) {
      const to = route.nodes[i]!;
      const flow = times * (route.upTo[i]! - below);
      below = route.upTo[i]!;
      const path = from < services && to === node ? "local" : "remote";
      const cost = flow * (call.request[path] + call.response[path]);
      rate[call.operation]![to]! += flow;
      own[call.operation]![to]! += cost;
      calls += flow;
      if (path === "remote") roused[operations[call.operation]!.service * nodes.length + to]! += flow;
      if (from === services) continue;
      between += flow;
      if (to === node) stay += flow;
      charge(from, node, cost);
    }
  };
  const charge = (service: number, node: number, cpu: number): void => {
    nodeCpu[node]! += cpu / nodes[node]!.speed;
    serviceCpu[service]! += cpu;
    workerSeconds[service]! += cpu;
  };
  // That a step's last answer comes from another node; a step of which chance leaves no call has none.
  const answeredFromAfar = (step: readonly DeployedCall[], service: number, node: number): number => {
    const none = step.reduce((all, { probability, times }) => all * (1 - probability) ** times, 1);
    const made = step.reduce((sum, { probability, times }) => sum + probability * times, 0);
    const afar = step.reduce((sum, { operation, probability, times }) => {
      const route = routes[service]![operations[operation]!.service]![node]!;
      const at = route.nodes.indexOf(node);
      const near = at < 0 ? 0 : route.upTo[at]! - (route.upTo[at - 1] ?? 0);
      return sum + probability * times * (1 - near);
    }, 0);
    return made === 0 ? 0 : ((1 - none) * afar) / made;
  };
  for (const { call, upTo } of deployment.requests.map((request, r, all) => ({ ...request, upTo: request.upTo - (all[r - 1]?.upTo ?? 0) })))
    send(services, call, 0, upTo);
  for (const o of order) {
    const { service, cpuMean, steps } = operations[o]!;
    for (let node = 0; node < nodes.length; node++) {
      const times = rate[o]![node]!;
      if (times === 0) continue;
      charge(service, node, times * cpuMean + own[o]![node]!);
      for (const step of steps) roused[service * nodes.length + node]! += times * answeredFromAfar(step, service, node);
      for (const step of steps) for (const call of step) send(service, call, node, times * call.times * call.probability);
    }
  }
  // A worker that is kept also waits for the longest mean answer of each step.
  const residence = new Float64Array(operations.length);
  for (const o of order.toReversed()) {
    const { cpuMean, waitMean, steps } = operations[o]!;
    residence[o] = cpuMean + waitMean;
    for (const step of steps)
      residence[o]! += Math.max(...step.map((call) => call.probability * (residence[call.operation]! + 2 * latency.local)));
  }
  for (const [o, { service, cpuMean }] of operations.entries()) {
    const times = rate[o]!.reduce((sum, flow) => sum + flow, 0);
    if (holding[service] === 1) workerSeconds[service]! += times * (residence[o]! - cpuMean);
  }
  return { nodeCpu, serviceCpu, workerSeconds, roused, calls, onNode: between === 0 ? 1 : stay / between };
}

/** Operations, each before those that it calls; calls make no circle. */
function callersFirst({ operations }: Deployment): number[] {
  const done = new Set<number>();
  const order: number[] = [];
  const visit = (o: number): void => {
    if (done.has(o)) return;
    done.add(o);
    for (const call of operations[o]!.steps.flat()) visit(call.operation);
    order.push(o);
  };
  for (const o of operations.keys()) visit(o);
  return order.reverse();
}

/** What bears no more at this rate, in words for people; null when nothing is overloaded on the average. */
export function overloaded(deployment: Deployment, load: OfferedLoad, rate: number): string | null {
  const { nodes, nodeNames, serviceNames, workers, replicasOn } = deployment;
  const asked = nodes.map(({ cores }, n) => ({ node: n, cores, of: (rate * load.nodeCpu[n]!) / cores }));
  const worst = asked.toSorted((one, other) => other.of - one.of)[0]!;
  if (worst.of >= 1)
    return `node ${nodeNames[worst.node]} is asked for ${(worst.of * worst.cores).toPrecision(3)} of its ${worst.cores} cores`;
  for (const [s, name] of serviceNames.entries()) {
    const all = workers[s]! * replicasOn[s]!.reduce((sum, on) => sum + on.length, 0);
    const busy = rate * load.workerSeconds[s]!;
    if (busy >= all) return `service ${name} needs ${busy.toPrecision(3)} of its ${all} workers`;
  }
  return null;
}

/**
 * The systems that placement-response.sh measures: what their services do and whom they call, a model to begin with, the problem that placer plans.
 *
 * `page` is what the model of placer was made with. `orders` was written down before anything of it was measured; the model was changed once after that, so a third system is owed that judges.
 *
 * @module
 */
import { buildProblem } from "../../packages/placer/src/problem/build-problem.ts";
import type { Problem } from "../../packages/placer/src/problem/problem.ts";

/** A service: CPU time of a call in µs, and what it calls, step by step. */
export interface Service {
  readonly cpuUs: number;
  readonly steps: readonly (readonly { readonly to: string; readonly probability?: number }[])[];
}

/** A system: callees before callers, so that they can be started in this order. `edge` is nginx, the others are response-service. */
export interface System {
  readonly services: Readonly<Record<string, Service>>;
  /** What is on node a of the plan `worst`: the most calls between nodes that two nodes allow; the rest is on b. */
  readonly maximumCut: readonly string[];
}

/** By name. */
export const systems: Readonly<Record<"page" | "orders", System>> = {
  page: {
    services: {
      session: { cpuUs: 40, steps: [] },
      auth: { cpuUs: 60, steps: [[{ to: "session" }]] },
      graph: { cpuUs: 60, steps: [] },
      cache: { cpuUs: 40, steps: [] },
      store: { cpuUs: 150, steps: [] },
      posts: { cpuUs: 80, steps: [[{ to: "cache" }], [{ to: "store", probability: 0.3 }]] },
      timeline: { cpuUs: 100, steps: [[{ to: "graph" }], [{ to: "posts" }, { to: "posts" }]] },
      front: { cpuUs: 100, steps: [[{ to: "auth" }], [{ to: "timeline" }]] },
      edge: { cpuUs: 30, steps: [[{ to: "front" }]] },
    },
    maximumCut: ["edge", "auth", "timeline", "cache", "store"],
  },
  orders: {
    services: {
      tax: { cpuUs: 90, steps: [] },
      stock: { cpuUs: 50, steps: [] },
      prices: { cpuUs: 120, steps: [] },
      ledger: { cpuUs: 200, steps: [] },
      cart: { cpuUs: 70, steps: [[{ to: "stock" }], [{ to: "prices" }]] },
      pay: { cpuUs: 60, steps: [[{ to: "tax" }], [{ to: "ledger", probability: 0.5 }]] },
      audit: { cpuUs: 30, steps: [] },
      orders: { cpuUs: 150, steps: [[{ to: "cart" }, { to: "audit" }], [{ to: "pay" }]] },
      edge: { cpuUs: 30, steps: [[{ to: "orders" }]] },
    },
    maximumCut: ["edge", "cart", "audit", "pay"],
  },
};

/** Workers of each service. */
export const workers = 16;

/** Bytes of a call and its answer on the wire, as response-service writes them. */
const callBytes = 240;

/** How much of both nodes' CPU is requested. */
const requested = 0.8;

/** Calls of each service for one request, and of each pair. */
export function callsOf({ services }: System): {
  readonly calls: Readonly<Record<string, number>>;
  readonly pairs: readonly { readonly from: string; readonly to: string; readonly calls: number }[];
} {
  const calls: Record<string, number> = { edge: 1 };
  const pairs = new Map<string, { from: string; to: string; calls: number }>();
  for (const from of Object.keys(services).reverse())
    for (const { to, probability = 1 } of services[from]!.steps.flat()) {
      const made = calls[from]! * probability;
      calls[to] = (calls[to] ?? 0) + made;
      const pair = pairs.get(`${from} ${to}`) ?? { from, to, calls: 0 };
      pairs.set(`${from} ${to}`, { ...pair, calls: pair.calls + made });
    }
  return { calls, pairs: [...pairs.values()] };
}

/**
 * What placer plans: two nodes of a core. Each service requests the CPU time that it is told to take at the rate at which all together request
 * {@link requested} of both nodes; the traffic is that of this rate.
 */
export function problemOf(system: System): Problem {
  const { calls, pairs } = callsOf(system);
  const seconds = (name: string): number => (calls[name]! * system.services[name]!.cpuUs) / 1e6;
  const names = Object.keys(system.services);
  const rate = (2 * requested) / names.reduce((sum, name) => sum + seconds(name), 0);
  return buildProblem({
    name: "placement-response",
    nodes: ["a", "b"].map((name) => ({ name, capacity: { cpu: 1, memory: 4 * 2 ** 30 } })),
    // In the order of their names, as `kubectl apply` of a folder creates them.
    services: names.toSorted().map((name) => ({
      name,
      requests: { cpu: Math.round(seconds(name) * rate * 1e3) / 1e3, memory: 64 * 2 ** 20 },
    })),
    traffic: pairs.map((pair) => ({
      from: pair.from,
      to: pair.to,
      messagesPerSecond: Math.round(2 * pair.calls * rate),
      bytesPerSecond: Math.round(callBytes * pair.calls * rate),
      sources: ["bench"],
    })),
  });
}

/** The model to begin with: what the services were told, and the costs that placer takes when it knows nothing. */
export function startModel({ services }: System): object {
  const names = Object.keys(services);
  return {
    version: 1,
    name: "placement-response",
    services: Object.fromEntries(names.map((name) => [name, name === "edge" ? { workers: 512, waits: "free" } : { workers }])),
    operations: Object.fromEntries(
      names.map((name) => {
        const { cpuUs, steps } = services[name]!;
        const law = name === "edge" ? "deterministic" : "exponential";
        const called = steps.map((step) => step.map(({ to, probability = 1 }) => ({ call: to, probability })));
        return [name, { service: name, cpu: { [law]: `${cpuUs}us` }, steps: called }];
      }),
    ),
    requests: { page: { share: 1, call: "edge" } },
    costs: { local: { message: "20us", byte: "0s" }, remote: { message: "30us", byte: "0s" } },
  };
}

/** The plan `worst`: replica's name to node's. */
export function worstOf({ services, maximumCut }: System): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(services).map((name) => [`${name}-0`, maximumCut.includes(name) ? "a" : "b"]));
}

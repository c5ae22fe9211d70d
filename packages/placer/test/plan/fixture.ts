/** Problems for tests of plans and pictures: one by hand, and others at random. */
import { buildProblem } from "../../src/problem/build-problem.ts";
import type { NodeSpec, Problem, ServiceSpec, TrafficEdge } from "../../src/problem/problem.ts";

/** A node with 4 cores and 8 GiB unless told. */
export function node(name: string, rest: Partial<NodeSpec> = {}): NodeSpec {
  return buildProblem({ nodes: [{ name, capacity: { cpu: 4, memory: 8 * 1024 ** 3 }, ...rest }], services: [] }).nodes[0]!;
}

/** A service whose replicas request 1 core and 1 GiB unless told; `replicas` as a number are named `<name>-0`, … */
export function service(name: string, replicas: number, rest: Partial<ServiceSpec> = {}): ServiceSpec {
  const requests = { cpu: 1, memory: 1024 ** 3 };
  return buildProblem({ nodes: [], services: [{ name, replicas, requests, ...rest }] }).services[0]!;
}

/** Traffic of so many messages a second, 1 kB each. */
export function edge(from: string, to: string, messagesPerSecond: number, bytesPerSecond: number = messagesPerSecond * 1000): TrafficEdge {
  return { from, to, messagesPerSecond, bytesPerSecond, sources: ["test"] };
}

/** A problem with CPU and memory, and the costs that are there by default. */
export function problem(parts: Partial<Problem> & Pick<Problem, "nodes" | "services">): Problem {
  return buildProblem({ name: "test", ...parts });
}

/** A shop: five services on two nodes, badly placed now. */
export const shop: Problem = problem({
  name: "shop",
  nodes: [node("n1", { zone: "a" }), node("n2", { zone: "b" })],
  services: [
    service("web", 2),
    service("cart", 1),
    service("catalogue", 1),
    service("db", 1, { requests: { cpu: 2, memory: 2 * 1024 ** 3 } }),
    service("mail", 1, { requests: { cpu: 0.5 }, moveBytes: 1000 }),
  ],
  traffic: [edge("web", "cart", 900), edge("web", "catalogue", 400), edge("cart", "db", 700), edge("mail", "db", 20)],
  assignment: { "web-0": "n1", "web-1": "n2", "cart-0": "n2", "catalogue-0": "n2", "db-0": "n1", "mail-0": "n2" },
});

/** A plan for {@link shop}: the cart beside the database. */
export const shopPlan: Readonly<Record<string, string>> = {
  "web-0": "n2",
  "web-1": "n2",
  "cart-0": "n1",
  "catalogue-0": "n2",
  "db-0": "n1",
  "mail-0": "n1",
};

/** Numbers from 0 to 1, the same for the same seed. [Mulberry32] */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A problem with every kind of rule, and a placement that may break any of them. */
export function randomCase(seed: number): { readonly problem: Problem; readonly assignment: Readonly<Record<string, string>> } {
  const next = random(seed);
  const whole = (most: number): number => Math.floor(next() * most);
  const one = <T>(of: readonly T[]): T => of[whole(of.length)]!;
  const maybe = <T>(chance: number, make: () => T): T[] => (next() < chance ? [make()] : []);
  const names = Array.from({ length: 1 + whole(6) }, (_, at) => `s${at}`);
  const weight = (): number | null => (next() < 0.5 ? null : 1 + whole(100));
  const within = (): string => one(["node", "zone", "rack"]);
  const nodes = Array.from({ length: 1 + whole(6) }, (_, at) =>
    node(`n${at}`, {
      // Never filled exactly: of that the solver, which keeps a part in 10⁹ free, and the judge think differently.
      capacity: { cpu: 1.05 + whole(8), memory: next() < 0.1 ? 0 : (1 + whole(8)) * 1024 ** 3 + 1024 ** 2 },
      zone: next() < 0.8 ? one(["a", "b"]) : null,
      labels: Object.fromEntries(maybe(0.7, () => ["rack", String(whole(3))])),
      taints: maybe(0.3, () => ({
        key: one(["gpu", "old"]),
        value: one(["", "yes"]),
        effect: one(["NoSchedule", "PreferNoSchedule", "NoExecute"]),
      })),
    }),
  );
  const match = () => ({
    key: one(["rack", "zone"]),
    operator: one(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] as const),
    values: ["1", "a"],
  });
  const services = names.map((name) => {
    const made = service(name, 1 + whole(5), {
      requests: { cpu: whole(30) / 10, ...(next() < 0.7 ? { memory: whole(3) * 1024 ** 3 } : {}) },
      demand: next() < 0.5 ? { memory: { mean: 1e9, p50: 1e9, p95: 2e9, p99: 3e9 } } : {},
      nodes: next() < 0.8 ? null : nodes.slice(0, 1 + whole(nodes.length)).map(({ name: own }) => own),
      nodeSelector: maybe(0.2, () => [match()]),
      preferredNodes: maybe(0.3, () => ({ weight: 1 + whole(100), match: [match()] })),
      tolerations: maybe(0.4, () => ({
        key: one(["", "gpu", "old"]),
        operator: one(["Equal", "Exists"]),
        value: one(["", "yes"]),
        effect: null,
      })),
      affinity: maybe(0.3, () => ({ service: one(names), within: within(), weight: weight() })),
      antiAffinity: maybe(0.3, () => ({ service: one(names), within: within(), weight: weight() })),
      spread: maybe(0.3, () => ({ over: within(), maxSkew: 1 + whole(2), weight: weight() })),
      moveBytes: whole(3) * 1000,
    });
    return next() < 0.2 ? { ...made, pinned: { [made.replicas[0]!]: one(nodes).name } } : made;
  });
  const traffic = Array.from({ length: whole(8) }, () => edge(one(names), one(names), whole(1000), whole(1e6)));
  const place = (chance: number): Record<string, string> =>
    Object.fromEntries(
      services.flatMap(({ replicas }) => replicas.flatMap((replica) => maybe(chance, (): [string, string] => [replica, one(nodes).name]))),
    );
  return { problem: problem({ nodes, services, traffic, assignment: place(0.7) }), assignment: place(seed % 4 === 0 ? 0.9 : 1.1) };
}

/** DeathStarBench's social network as a problem: 27 components, a mix of requests, 4 nodes. @module */
import { buildProblem } from "../problem/build-problem.ts";
import type { Problem } from "../problem/problem.ts";
import { createRandom } from "./random.ts";
import { callsOf, components, mix, type RequestKind } from "./social-network-calls.ts";

/** What is asked of {@link socialNetwork}. */
export interface SocialNetworkOptions {
  /** Order in which the components come, as a scheduler that takes them one by one sees it; 1 is that of the compose file. 1 unless given. */
  readonly seed?: number;
  /** 4 unless given. */
  readonly nodes?: number;
  /** Share of the CPU and of the memory that is requested; 1/1.5 unless given, a slack of 1.5. */
  readonly requested?: number;
  /** Requests each second, of all kinds together; 500 unless given, which few components need more than the least for. */
  readonly rate?: number;
}

const MiB = 2 ** 20;
/** The least that a component requests, in cores: what Kubernetes takes a container to need that says nothing. */
const leastCpu = 0.1;
/** What is requested over what the requests take on average. */
const headroom = 1.25;
/** Of requests, the share that is traced (`config/jaeger-config.yml`), and bytes of one span. */
const traced = { share: 0.01, bytes: 350 } as const;

/**
 * Makes one: 60 % home timeline, 30 % user timeline, 10 % compose post. Nodes are alike and as large as the slack says. Nothing runs yet.
 *
 * @example
 * ```ts
 * socialNetwork({ rate: 500 }).services.length; // 27
 * ```
 */
export function socialNetwork(options: SocialNetworkOptions = {}): Problem {
  const { seed = 1, nodes = 4, requested = 1 / 1.5, rate = 500 } = options;
  const cpu = new Map<string, number>();
  const edges = new Map<string, { from: string; to: string; messagesPerSecond: number; bytesPerSecond: number }>();
  const add = (from: string, to: string, perSecond: number, messages: number, bytes: number): void => {
    const key = `${from} ${to}`;
    const edge = edges.get(key) ?? { from, to, messagesPerSecond: 0, bytesPerSecond: 0 };
    edge.messagesPerSecond += perSecond * messages;
    edge.bytesPerSecond += perSecond * bytes;
    edges.set(key, edge);
  };
  for (const [kind, share] of Object.entries(mix) as [RequestKind, number][]) {
    for (const { from, to, times, bytes, cpu: seconds } of callsOf[kind]) {
      const perSecond = rate * share * times;
      cpu.set(to, (cpu.get(to) ?? 0) + perSecond * seconds);
      if (from !== "client") add(from, to, perSecond, 2, bytes);
      // A span of the server, one of the client where it is a service; stores write none.
      for (const end of [from, to]) if (/-service$|^nginx/.test(end)) add(end, "jaeger-agent", perSecond * traced.share, 1, traced.bytes);
    }
  }
  const names = seed === 1 ? Object.keys(components) : createRandom(seed).shuffle(Object.keys(components));
  const services = names.map((name) => ({
    name,
    application: "social-network",
    requests: { cpu: Math.ceil(Math.max(leastCpu, (cpu.get(name) ?? 0) * headroom) * 1000) / 1000, memory: components[name]! * MiB },
    moveBytes: components[name]! * MiB,
  }));
  const sum = (resource: "cpu" | "memory"): number => services.reduce((all, { requests }) => all + requests[resource], 0);
  const capacity = {
    cpu: Math.ceil((sum("cpu") / requested / nodes) * 1000) / 1000,
    memory: Math.ceil(sum("memory") / requested / nodes / MiB) * MiB,
  };
  return buildProblem({
    name: `social-network-${seed}`,
    nodes: Array.from({ length: nodes }, (_, m) => ({ name: `n${m + 1}`, capacity })),
    services,
    traffic: [...edges.values()].map((edge) => ({ ...edge, sources: ["generate:social-network"] })),
  });
}

/** A cluster for tests, with a clock and random numbers that stand still until told. @module */
import { type ClusterPolicy, defaultTraffic, type Replica } from "@mitsu/catalog";
import { Cluster, type ClusterEnv } from "../../src/cluster/cluster.ts";
import { Xoshiro128 } from "../../src/filters/xoshiro.ts";

/** A replica at `10.0.0.<n>:8080` for port 80. */
export function replica(n: number, { weight = 1, node = null }: { weight?: number; node?: string | null } = {}): Replica {
  return { address: `10.0.0.${n}`, node, netns: null, weight, ports: [{ port: 80, target: 8080, protocol: "tcp" }] };
}

/** A cluster and its clock. */
export interface ClusterDouble {
  readonly cluster: Cluster;
  /** Reload with these. */
  readonly update: (replicas: readonly Replica[], policy?: Partial<ClusterPolicy>) => ReturnType<Cluster["update"]>;
  readonly clock: { nowMs: number };
}

/** Node `here` is ours; random numbers are those of a fixed seed. By least-request and without slow start unless told, as these tests count. */
export function clusterOf(
  replicas: readonly Replica[],
  policy: Partial<ClusterPolicy> = {},
  env: Partial<Pick<ClusterEnv, "selector" | "loads" | "reports">> = {},
): ClusterDouble {
  const clock = { nowMs: 1000 };
  const random = new Xoshiro128(Uint32Array.of(1, 2, 3, 4));
  const whole = (part: Partial<ClusterPolicy>): ClusterPolicy => ({
    ...defaultTraffic().cluster,
    selector: "least-request",
    slowStartMs: 0,
    panicThreshold: 0,
    ...part,
  });
  const cluster = new Cluster({ name: "web", replicas }, 80, whole(policy), {
    random: () => random.fraction(),
    nowMs: () => clock.nowMs,
    here: ({ node }) => node === "here",
    loads: null,
    reports: null,
    ...env,
  });
  return { cluster, clock, update: (now, part = policy) => cluster.update({ name: "web", replicas: now }, whole(part)) };
}

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
  readonly clock: { nowNs: number };
}

/** Node `here` is ours; random numbers are those of a fixed seed. */
export function clusterOf(
  replicas: readonly Replica[],
  policy: Partial<ClusterPolicy> = {},
  { selector }: Pick<ClusterEnv, "selector"> = {},
): ClusterDouble {
  const clock = { nowNs: 0 };
  const random = new Xoshiro128(Uint32Array.of(1, 2, 3, 4));
  const env: ClusterEnv = {
    random: () => random.fraction(),
    nowNs: () => clock.nowNs,
    here: ({ node }) => node === "here",
    ...(selector === undefined ? {} : { selector }),
  };
  const whole = (part: Partial<ClusterPolicy>): ClusterPolicy => ({ ...defaultTraffic().cluster, ...part });
  const cluster = new Cluster({ name: "web", replicas }, 80, whole(policy), env);
  return { cluster, clock, update: (now, part = policy) => cluster.update({ name: "web", replicas: now }, whole(part)) };
}

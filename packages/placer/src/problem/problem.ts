/** What is to be placed, on what, and what it costs when two services talk: a problem file, checked, with every default filled in. @module */

/** Figures by resource: `cpu` in cores, `memory` in bytes, others as {@link Problem.resources} says. */
export type Quantities = Readonly<Record<string, number>>;

/** A resource of nodes, and in what its figures are. */
export interface Resource {
  readonly name: string;
  /** `share`: of the whole cluster, which has 1 (published traces are so); `count` is anything that is counted. */
  readonly unit: "cores" | "bytes" | "count" | "share";
}

/** A taint of a node. [Kubernetes, core/v1 Taint] */
export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

/** A taint that a service bears; an empty key bears all, a missing effect every effect. [Kubernetes, core/v1 Toleration] */
export interface Toleration {
  readonly key: string;
  readonly operator: "Equal" | "Exists";
  readonly value: string;
  readonly effect: Taint["effect"] | null;
}

/** A NUMA node of a machine. */
export interface NumaNode {
  /** Cores as the kernel lists them: `0-3,8-11`. [cpuset(7)] */
  readonly cpus: string;
  /** Bytes. */
  readonly memory: number;
}

/** A machine. */
export interface NodeSpec {
  readonly name: string;
  readonly capacity: Quantities;
  readonly zone: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly numa: readonly NumaNode[];
  /** Names of the images it has; only the baseline `kubernetes` looks at them. */
  readonly images: readonly string[];
}

/** What was measured of one replica, per resource; percentiles over the time measured. */
export interface Demand {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** A condition on a node's labels. [Kubernetes, core/v1 NodeSelectorRequirement] */
export interface NodeMatch {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt";
  readonly values: readonly string[];
}

/** That replicas should stand beside (affinity), or not beside (anti-affinity), those of a service. */
export interface AffinityRule {
  /** A service's name; its own means its replicas among each other. */
  readonly service: string;
  /** `node`, `zone`, or the key of a label: the same value there is "beside". */
  readonly within: string;
  /** 1 to 100 for a wish, which may give way to other gains; null for a must. */
  readonly weight: number | null;
}

/** That replicas of a service spread evenly. [Kubernetes, core/v1 TopologySpreadConstraint] */
export interface SpreadRule {
  /** `node`, `zone`, or the key of a label. */
  readonly over: string;
  /** The most by which two domains may differ. */
  readonly maxSkew: number;
  /** 1 to 100 for a wish; null for a must. */
  readonly weight: number | null;
}

/** A service. */
export interface ServiceSpec {
  readonly name: string;
  /** The replicas' names, unique over all services: `web-0`, `web-1`. */
  readonly replicas: readonly string[];
  /** What each replica is promised; a resource that is missing was not asked for. */
  readonly requests: Quantities;
  /** What one replica was seen to use, by resource. */
  readonly demand: Readonly<Record<string, Demand>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Application it belongs to, its systemd slice; empty for none. */
  readonly application: string;
  /** Names of the nodes it may run on; null for all. */
  readonly nodes: readonly string[] | null;
  /** Any of these lists must match whole; empty matches every node. [Kubernetes, nodeSelectorTerms] */
  readonly nodeSelector: readonly (readonly NodeMatch[])[];
  readonly preferredNodes: readonly { readonly weight: number; readonly match: readonly NodeMatch[] }[];
  readonly tolerations: readonly Toleration[];
  /** Replica's name to node's name. */
  readonly pinned: Readonly<Record<string, string>>;
  readonly affinity: readonly AffinityRule[];
  readonly antiAffinity: readonly AffinityRule[];
  readonly spread: readonly SpreadRule[];
  /** Bytes that a move of one replica carries, of state or image; for `--budget bytes=`. */
  readonly moveBytes: number;
  /** Images of one replica, with their sizes in bytes; only the baseline `kubernetes` looks at them. */
  readonly images: readonly { readonly name: string; readonly bytes: number }[];
}

/** What one service asks of another. */
export interface TrafficEdge {
  readonly from: string;
  readonly to: string;
  /** Messages, both ways, each second. */
  readonly messagesPerSecond: number;
  /** Payload, both ways, each second. */
  readonly bytesPerSecond: number;
  /** Where it is known from: `sockhijack`, `pcap:dump.pcap`, `jaeger:traces.json`, `import:bytedance`. */
  readonly sources: readonly string[];
}

/** CPU time that a message takes of both ends together. */
export interface PathCost {
  /** Seconds of CPU a message. */
  readonly message: number;
  /** Seconds of CPU a byte. */
  readonly byte: number;
}

/** What messages cost: a same-node one goes by redirect, a cross-node one by the network. Half is charged to each end. */
export interface CostModel {
  readonly local: PathCost;
  readonly remote: PathCost;
}

/** A whole problem; names are unique, references resolve, numbers are finite and not negative. */
export interface Problem {
  readonly version: 1;
  readonly name: string;
  /** `cpu` and `memory` first. */
  readonly resources: readonly Resource[];
  readonly nodes: readonly NodeSpec[];
  readonly services: readonly ServiceSpec[];
  readonly traffic: readonly TrafficEdge[];
  /** Where replicas run now: replica's name to node's name; those that run nowhere are missing. */
  readonly assignment: Readonly<Record<string, string>>;
  readonly costs: CostModel;
}

/** Costs where the file says nothing: as bench/same-node.sh measured a request of 64 B here, redirected and between two nodes. */
export const defaultCosts: CostModel = {
  local: { message: 3.3e-6, byte: 0.1e-9 },
  remote: { message: 9.2e-6, byte: 0.4e-9 },
};

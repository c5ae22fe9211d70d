/** Clusters in the form that ByteDance published, written from a problem, and read by this benchmark without placer. [bytedance/research-cluster-dataset] @module */
import type { Problem } from "../../packages/placer/src/problem/problem.ts";
import type { Facts } from "./placement-judge.ts";

/** A published cluster. */
export interface PublishedCluster {
  readonly ServiceList: readonly {
    readonly Service: string;
    readonly RequestCPU: number;
    readonly RequestMem: number;
    readonly ContainerList: readonly string[];
    readonly CompatibleMachines: readonly string[] | "*";
  }[];
  readonly MachineList: readonly {
    readonly MachineIP: string;
    readonly TotalCPU: number;
    readonly TotalMem: number;
    readonly InitialDeployingContainers: readonly string[];
  }[];
  readonly TrafficList: readonly { readonly Service1: string; readonly Service2: string; readonly Traffic: number }[];
}

/** A problem whose figures are shares, as a published cluster; names stay as they are. */
export function toPublished({ nodes, services, traffic, assignment }: Problem): PublishedCluster {
  const there = Map.groupBy(Object.entries(assignment), ([, node]) => node);
  return {
    ServiceList: services.map(({ name, requests, replicas, nodes: allowed }) => ({
      Service: name,
      RequestCPU: requests.cpu ?? 0,
      RequestMem: requests.memory ?? 0,
      ContainerList: replicas,
      CompatibleMachines: allowed ?? "*",
    })),
    MachineList: nodes.map(({ name, capacity }) => ({
      MachineIP: name,
      TotalCPU: capacity.cpu ?? 0,
      TotalMem: capacity.memory ?? 0,
      InitialDeployingContainers: (there.get(name) ?? []).map(([replica]) => replica),
    })),
    TrafficList: traffic.map(({ from, to, messagesPerSecond }) => ({ Service1: from, Service2: to, Traffic: messagesPerSecond })),
  };
}

/** Facts of a published cluster, straight from its file. */
export function factsOfPublished({ ServiceList, MachineList, TrafficList }: PublishedCluster): Facts {
  return {
    nodes: new Map(MachineList.map(({ MachineIP, TotalCPU, TotalMem }) => [MachineIP, [TotalCPU, TotalMem]])),
    services: new Map(
      ServiceList.map(({ Service, RequestCPU, RequestMem, ContainerList, CompatibleMachines: machines }) => {
        const all = machines === "*" || machines.length === 0 || machines.includes("*");
        return [Service, { replicas: ContainerList, requests: [RequestCPU, RequestMem], nodes: all ? null : new Set(machines) }];
      }),
    ),
    traffic: TrafficList.filter(({ Service1, Service2 }) => Service1 !== Service2).map(({ Service1, Service2, Traffic }) => ({
      a: Service1,
      b: Service2,
      weight: Traffic,
    })),
    present: new Map(
      MachineList.flatMap(({ MachineIP, InitialDeployingContainers }) =>
        InitialDeployingContainers.map((one) => [one, MachineIP] as const),
      ),
    ),
  };
}

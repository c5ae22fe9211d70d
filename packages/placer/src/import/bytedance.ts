/** Reads a cluster as ByteDance published it: `ServiceList`, `MachineList`, `TrafficList`. [bytedance/research-cluster-dataset, README.md] @module */
import { show } from "@mitsu/catalog/document";
import { buildProblem, type NodeParts, type ServiceParts, type TrafficParts } from "../problem/build-problem.ts";
import { readDocument } from "../problem/document-text.ts";
import { ProblemError } from "../problem/problem-error.ts";
import { Cursor } from "./cursor.ts";
import { type Imported, ImportNotes } from "./import-notes.ts";

/** Where the edges are known from. */
const sources = ["import:bytedance"] as const;

/**
 * Turns a published cluster into a problem: containers are replicas, machines nodes. Figures are shares of the whole cluster and stay as they are;
 * traffic has no unit there and becomes messages a second of 0 bytes.
 *
 * @throws {ProblemError} with every fault and its place: a container of no service or on two machines, traffic of a service that is not listed.
 */
export function importBytedance(text: string, file: string): Imported {
  const document = readDocument(text, file);
  if (document.faults.length > 0) throw new ProblemError(document.faults);
  const notes = new ImportNotes();
  const root = new Cursor(document.value, document, [], notes);
  for (const name of ["ServiceList", "MachineList"]) if (!root.at(name).given) root.fault(`${name} is missing; give a list`);
  notes.end();
  const machines = root.at("MachineList").list();
  const listed = root.at("ServiceList").list();
  const leftOut = new Set<unknown>();
  const services = listed.filter((service) => {
    const any = service.at("ContainerList").list().length > 0;
    if (!any) {
      service.at("ContainerList").warn("has no container; the service is left out, and its traffic");
      leftOut.add(service.at("Service").value);
    }
    return any;
  });
  const names = new Set(machines.map((machine) => machine.at("MachineIP").value));
  const problem = buildProblem({
    name: file.replace(/^.*\//, "").replace(/\.json$/, ""),
    resources: [
      { name: "cpu", unit: "share" },
      { name: "memory", unit: "share" },
    ],
    nodes: machines.map(node),
    services: services.map((service) => serviceParts(service, names)),
    traffic: traffic(root.at("TrafficList"), leftOut),
    assignment: assignment(machines, services),
  });
  return notes.finish(problem, { nodes: machines, services, whole: root });
}

function node(machine: Cursor): NodeParts {
  return {
    name: machine.at("MachineIP").needText(),
    capacity: { cpu: share(machine.at("TotalCPU")), memory: share(machine.at("TotalMem")) },
  };
}

function serviceParts(service: Cursor, machines: ReadonlySet<unknown>): ServiceParts {
  const compatible = service.at("CompatibleMachines");
  const list = compatible.value === "*" ? [] : compatible.list();
  const all = compatible.value === "*" || !compatible.given || list.some(({ value }) => value === "*");
  const nodes = all ? null : compatibleNodes(compatible, list, machines);
  const containers = service.at("ContainerList").list();
  return {
    name: service.at("Service").needText(),
    replicas: containers.map((container) => container.needText()),
    requests: { cpu: share(service.at("RequestCPU")), memory: share(service.at("RequestMem")) },
    nodes,
  };
}

/** Machines that are in the cluster; null when that is every one, which is shorter, and quicker to check. */
function compatibleNodes(compatible: Cursor, list: readonly Cursor[], machines: ReadonlySet<unknown>): string[] | null {
  const names = new Set<string>();
  for (const machine of list) {
    const name = machine.needText();
    if (machines.has(name)) names.add(name);
    else machine.warn("this machine is not in MachineList; left out");
  }
  if (names.size === 0) compatible.fault('names no machine of MachineList; name some, or "*" for all');
  return names.size === machines.size ? null : [...names];
}

function share(figure: Cursor): number {
  // The published reader takes figures in quotes too.
  const value = typeof figure.value === "string" && figure.value.trim() !== "" ? Number(figure.value) : figure.value;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  figure.fault(figure.given ? `${show(figure.value)} is no share of the cluster; give a number from 0` : "is missing; give a number");
  return 0;
}

/** Each ordered pair once, in the file's order; what is listed again is added, and told. */
function traffic(list: Cursor, leftOut: ReadonlySet<unknown>): TrafficParts[] {
  const edges = new Map<string, { from: string; to: string; messagesPerSecond: number; sources: readonly string[] }>();
  for (const entry of list.list()) {
    const from = entry.at("Service1").needText();
    const to = entry.at("Service2").needText();
    const messagesPerSecond = share(entry.at("Traffic"));
    if (leftOut.has(from) || leftOut.has(to)) continue;
    const pair = JSON.stringify([from, to]);
    const before = edges.get(pair);
    if (!before) edges.set(pair, { from, to, messagesPerSecond, sources });
    else {
      entry.warn("this pair is listed before; its traffic is added");
      before.messagesPerSecond += messagesPerSecond;
    }
  }
  return [...edges.values()];
}

function assignment(machines: readonly Cursor[], services: readonly Cursor[]): Record<string, string> {
  const known = new Set(
    services.flatMap((service) =>
      service
        .at("ContainerList")
        .list()
        .map(({ value }) => value),
    ),
  );
  const machineOf = new Map<string, string>();
  for (const machine of machines) {
    const name = machine.at("MachineIP").text();
    for (const container of machine.at("InitialDeployingContainers").list()) {
      const replica = container.needText();
      const first = machineOf.get(replica);
      if (!known.has(replica)) container.fault(`container ${show(replica)} is in no service; add it to a ContainerList`);
      else if (first !== undefined) container.fault(`container ${show(replica)} is on ${first} already; a container runs on one machine`);
      else machineOf.set(replica, name);
    }
  }
  return Object.fromEntries(machineOf);
}

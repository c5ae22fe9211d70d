/** From the engine's numbers to what people and other daemons are shown. @module */
import type { Flow, MatrixCell, NumberedReplica, ServiceStatus } from "@mitsu/ipc";
import type { JudgedFlow } from "./coupling/coupler.ts";
import { reasons } from "./coupling/reason.ts";
import { endpointText, ipText } from "./kernel/ip.ts";
import type { Kernel } from "./kernel/kernel.ts";
import type { SockRecord } from "./kernel/layout.ts";
import { isHere } from "./mesh/listening.ts";
import type { Mesh } from "./mesh/mesh.ts";
import { frontendName, replicaName } from "./mesh/tables.ts";
import { nicWay } from "./nic-view.ts";

/** One flow for `flows`. */
export function flowView(flow: JudgedFlow, mesh: Mesh, kernel: Kernel): Flow {
  const { client, server } = flow;
  const one = (client ?? server)!;
  const pair = one.slot ? kernel.maps.pairs.get(one.slot) : undefined;
  const redirected = sum(client?.redirected_bytes, server?.redirected_bytes);
  const out = client ? client.bytes_sent + client.redirected_bytes : server!.bytes_received;
  const back = server ? server.bytes_sent + server.redirected_bytes : client!.bytes_received + (pair?.server_bytes ?? 0n);
  const service = (r: SockRecord | undefined, other: SockRecord | undefined): string =>
    mesh.ids.services.name(r ? r.service : (other?.peer_service ?? 0));
  return {
    client: {
      service: service(client, server),
      address: ipText(client ? client.local_ip : one.remote_ip),
      port: client ? client.local_port : one.remote_port,
    },
    server: {
      service: service(server, client),
      address: ipText(server ? server.local_ip : one.remote_ip),
      port: server ? server.local_port : one.remote_port,
    },
    asked: client && client.asked.family !== 0 ? endpointText(client.asked.ip, client.asked.port) : null,
    askedService: client && client.asked_service !== 0 ? mesh.ids.services.name(client.asked_service) : null,
    state: flow.state,
    reason: flow.reason,
    explanation: reasons[flow.reason],
    bytesOut: Number(out),
    bytesIn: Number(back),
    redirectedShare: out + back === 0n ? 0 : Number((redirected * 10_000n) / (out + back)) / 10_000,
    messages: Number(sum(client?.redirected_messages, server?.redirected_messages)),
    passed: Number(sum(client?.passed_messages, server?.passed_messages)),
    segments: (client?.segments_sent ?? 0) + (server?.segments_sent ?? 0),
    latencyUs: pair && pair.exchanges > 0n ? Number(pair.total_ns / pair.exchanges) / 1000 : (client?.srtt_us ?? 0) || null,
    unread: [client?.unread ?? 0, server?.unread ?? 0],
  };
}

function sum(a: bigint | undefined, b: bigint | undefined): bigint {
  return (a ?? 0n) + (b ?? 0n);
}

/** All services for `services`. */
export function serviceViews(mesh: Mesh, kernel: Kernel, domain: string): ServiceStatus[] {
  return mesh.catalog.services.map((service) => ({
    name: service.name,
    host: `${service.name}.${domain}`,
    ipv4: service.ipv4,
    ipv6: service.ipv6,
    ports: service.ports.map(
      ({ port, target, protocol }) => `${port}${target === port ? "" : `:${target}`}${protocol === "udp" ? "/udp" : ""}`,
    ),
    redirect: service.redirect,
    intercept: service.intercept,
    nic: nicWay(service, mesh.nic),
    cgroups: mesh.attachments.filter((a) => a.service === service.name).map(({ folder }) => folder),
    replicas: mesh.endpoints
      .filter((endpoint) => endpoint.service === service.name)
      .map((endpoint) => {
        const id = mesh.ids.replicas.of(replicaName(endpoint));
        const load = kernel.maps.loads.get(id);
        const score = kernel.maps.scores.get(id);
        return {
          address: ipText(endpoint.ip),
          port: endpoint.target,
          protocol: endpoint.protocol,
          up: endpoint.up,
          active: Math.max(0, Number(load?.active ?? 0n)),
          total: Number(load?.total ?? 0n),
          weight: (score?.weight ?? 100) / 100,
          score: score?.score ?? 0,
        };
      }),
  }));
}

/** All replicas by their numbers in the kernel's tables, for `replicas`; without those that no number was left for. */
export function numberedReplicas({ endpoints, ids, namespaces }: Pick<Mesh, "endpoints" | "ids" | "namespaces">): NumberedReplica[] {
  return endpoints.flatMap((endpoint) => {
    const { service, port, protocol, target, weight, up } = endpoint;
    const id = ids.replicas.of(replicaName(endpoint));
    const frontend = ids.frontends.of(frontendName(service, endpoint));
    if (id === 0 || frontend === 0) return [];
    const here = isHere(endpoint, namespaces);
    return [{ id, service, port, protocol, frontend, address: ipText(endpoint.ip), target, weight, up, here }];
  });
}

/** The traffic matrix: what closed connections left in the kernel, and the open ones. */
export function matrixView(flows: readonly JudgedFlow[], mesh: Mesh, kernel: Kernel): MatrixCell[] {
  const cells = new Map<string, { -readonly [K in keyof MatrixCell]: MatrixCell[K] }>();
  const cell = (from: string, to: string) => {
    const key = `${from} ${to}`;
    const known = cells.get(key);
    if (known) return known;
    const fresh = { from, to, connections: 0, bytesOut: 0, bytesIn: 0, messages: 0, redirectedBytes: 0, denied: 0 };
    cells.set(key, fresh);
    return fresh;
  };
  for (const [{ from, to }, t] of kernel.maps.matrix.entries()) {
    const target = mesh.ids.services.name(to);
    if (target === "") continue; // a service that has been detached since
    const c = cell(mesh.ids.services.name(from), target);
    c.connections += Number(t.connections);
    c.bytesOut += Number(t.bytes_out);
    c.bytesIn += Number(t.bytes_in);
    c.messages += Number(t.messages);
    c.redirectedBytes += Number(t.redirected);
    c.denied += Number(t.denied);
  }
  for (const flow of flows) {
    const view = flowView(flow, mesh, kernel);
    const to = view.askedService ?? view.server.service; // what was asked of it, not that nicd carries it
    if (to === "") continue;
    const c = cell(view.client.service, to);
    // The connect hook has counted those it saw; connections that are older than the attachment are counted here.
    if (flow.client === undefined || (flow.client.peer_service === 0 && flow.client.asked_service === 0)) c.connections++;
    c.bytesOut += view.bytesOut;
    c.bytesIn += view.bytesIn;
    c.messages += view.messages;
    c.redirectedBytes += Math.round(view.redirectedShare * (view.bytesOut + view.bytesIn));
  }
  return [...cells.values()].toSorted((a, b) => b.bytesOut + b.bytesIn - (a.bytesOut + a.bytesIn));
}

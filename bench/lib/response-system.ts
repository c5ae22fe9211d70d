#!/usr/bin/env node
/**
 * The system that placement-response.sh measures: nine services, a model of them to begin with, three placements on two nodes.
 *
 *     node bench/lib/response-system.ts WORK
 *
 * Writes into WORK problem.yaml, start.json and a plan a placement, and a configuration for each process. Prints a line for each:
 * `PLAN SERVICE NODE PORT WORKERS FILE`, callees before callers.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A service: CPU time of a call in µs, and what it calls, step by step. */
interface Service {
  readonly cpuUs: number;
  readonly steps: readonly (readonly { readonly to: string; readonly probability?: number }[])[];
}

/** Callees before callers. `edge` is nginx, the others are response-service. */
const services: Readonly<Record<string, Service>> = {
  session: { cpuUs: 40, steps: [] },
  auth: { cpuUs: 60, steps: [[{ to: "session" }]] },
  graph: { cpuUs: 60, steps: [] },
  cache: { cpuUs: 40, steps: [] },
  store: { cpuUs: 150, steps: [] },
  posts: { cpuUs: 80, steps: [[{ to: "cache" }], [{ to: "store", probability: 0.3 }]] },
  timeline: { cpuUs: 100, steps: [[{ to: "graph" }], [{ to: "posts" }, { to: "posts" }]] },
  front: { cpuUs: 100, steps: [[{ to: "auth" }], [{ to: "timeline" }]] },
  edge: { cpuUs: 30, steps: [[{ to: "front" }]] },
};

/** Which services are on node a; the others are on b. Each placement has about half of the work on each node. */
export const placements: Readonly<Record<string, readonly string[]>> = {
  // Equal requests, created in the order of their names, as `kubectl apply` of a folder does: the least requested node takes turns.
  kubernetes: ["auth", "edge", "graph", "session", "timeline"],
  // The cut with the fewest messages that leaves neither node too full.
  mitsu: ["edge", "front", "auth", "session", "timeline", "graph"],
  // Every call crosses.
  worst: ["edge", "auth", "timeline", "cache", "store"],
};

/** Workers of each service. */
export const workers = 16;
const addresses = { a: "10.203.79.2", b: "10.203.79.3" } as const;
const firstPorts = [7100, 7200, 7300];

function nodeOf(plan: string, service: string): "a" | "b" {
  return placements[plan]!.includes(service) ? "a" : "b";
}

/** The model to begin with: what the services were told, and the costs that placer takes when it knows nothing. */
export function startModel(): object {
  const names = Object.keys(services);
  return {
    version: 1,
    name: "placement-response",
    services: Object.fromEntries(names.map((name) => [name, name === "edge" ? { workers: 512, waits: "free" } : { workers }])),
    operations: Object.fromEntries(
      names.map((name) => {
        const { cpuUs, steps } = services[name]!;
        const law = name === "edge" ? "deterministic" : "exponential";
        return [
          name,
          {
            service: name,
            cpu: { [law]: `${cpuUs}us` },
            steps: steps.map((step) => step.map(({ to, probability = 1 }) => ({ call: to, probability }))),
          },
        ];
      }),
    ),
    requests: { page: { share: 1, call: "edge" } },
    costs: { local: { message: "20us", byte: "0s" }, remote: { message: "30us", byte: "0s" } },
  };
}

/** The problem: two nodes of a core. */
export function problemText(): string {
  const nodes = ["a", "b"].map((name) => ({ name, capacity: { cpu: 1, memory: "4GiB" } }));
  const request = { cpu: "100m", memory: "64MiB" };
  return `${JSON.stringify({ version: 1, name: "placement-response", nodes, services: Object.keys(services).map((name) => ({ name, requests: request })) }, null, 1)}\n`;
}

/** Replica's name to node's. */
export function assignmentOf(plan: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(services).map((name) => [`${name}-0`, nodeOf(plan, name)]));
}

/** What response-service reads. */
function serviceFile(plan: string, name: string, port: (service: string) => number): string {
  const { cpuUs, steps } = services[name]!;
  const lines = [`operation ${name} ${cpuUs} exponential`];
  for (const step of steps) {
    lines.push("step");
    for (const { to, probability = 1 } of step) lines.push(`call ${addresses[nodeOf(plan, to)]} ${port(to)} ${to} ${probability}`);
  }
  return `${lines.join("\n")}\n`;
}

/** nginx in front: one worker, connections to the service kept. */
function edgeFile(plan: string, port: (service: string) => number, work: string): string {
  return `worker_processes 1;
daemon off;
pid ${work}/${plan}-edge.pid;
error_log ${work}/${plan}-edge.log crit;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${work}/${plan}-tmp;
  proxy_temp_path ${work}/${plan}-tmp;
  fastcgi_temp_path ${work}/${plan}-tmp;
  uwsgi_temp_path ${work}/${plan}-tmp;
  scgi_temp_path ${work}/${plan}-tmp;
  upstream front { server ${addresses[nodeOf(plan, "front")]}:${port("front")}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen ${addresses[nodeOf(plan, "edge")]}:${port("edge")} backlog=4096;
    location / { proxy_pass http://front/front; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`;
}

function write(work: string): void {
  writeFileSync(join(work, "problem.yaml"), problemText());
  writeFileSync(join(work, "start.json"), `${JSON.stringify(startModel(), null, 1)}\n`);
  for (const [p, plan] of Object.keys(placements).entries()) {
    const port = (service: string): number => firstPorts[p]! + Object.keys(services).indexOf(service);
    const made = {
      version: 1,
      assignment: assignmentOf(plan),
      problem: { name: "placement-response", file: "problem.yaml", sha256: createHash("sha256").update(problemText()).digest("hex") },
    };
    writeFileSync(join(work, `${plan}.json`), `${JSON.stringify(made, null, 1)}\n`);
    for (const name of Object.keys(services)) {
      const file = join(work, `${plan}-${name}.conf`);
      writeFileSync(file, name === "edge" ? edgeFile(plan, port, work) : serviceFile(plan, name, port));
      process.stdout.write(`${plan} ${name} ${nodeOf(plan, name)} ${addresses[nodeOf(plan, name)]} ${port(name)} ${workers} ${file}\n`);
    }
  }
}

if (import.meta.main) write(process.argv[2]!);

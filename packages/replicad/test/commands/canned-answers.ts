/** A daemon that answers what the test gives, and answers to give. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, run, type TestEnvOptions, testEnv } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import {
  type Handlers,
  replicad as protocol,
  type ReplicadCandidate,
  type ReplicadExplanation,
  type ReplicadProtocol,
  type ReplicadReplica,
  type ReplicadStatus,
  serve,
} from "@mitsu/ipc";
import type { ExecutionContext } from "ava";
import { replicad } from "../../src/cli.ts";

/** What a command printed. */
export interface Printed {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs replicad in this process. */
export async function cli(argv: readonly string[], options: TestEnvOptions = {}): Promise<Printed> {
  const env = testEnv(options);
  const status = await run(replicad, argv, env);
  return { status, out: env.out(), err: env.err() };
}

/** A folder of the test's own. */
export function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "replicad-t-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Serves answers; the path of the socket. A method without one is refused. */
export async function daemon(t: ExecutionContext, answers: Partial<Handlers<ReplicadProtocol>>): Promise<string> {
  const path = join(folderOf(t), "r.sock");
  const refuse = (): never => {
    throw new MitsuError("not asked for in this test", { code: "ERR_TEST" });
  };
  const handlers: Handlers<ReplicadProtocol> = {
    status: refuse,
    replicas: refuse,
    explain: refuse,
    select: refuse,
    answered: refuse,
    override: refuse,
    metrics: refuse,
    reload: refuse,
    ...answers,
  };
  const server = await serve({ listen: { path }, daemon: "replicad", version: "0.1.0", protocol, log: createLog(testEnv()), handlers });
  t.teardown(() => server.close());
  return path;
}

/** A healthy replica of cart on another node. */
export const replicaOf = (over: Partial<ReplicadReplica> = {}): ReplicadReplica => ({
  service: "cart",
  port: 8080,
  replica: "10.0.0.7:8080",
  node: "n2",
  here: false,
  standing: "healthy",
  weight: 1,
  overridden: false,
  ramp: 1,
  inFlight: 3,
  serviceMs: 1.25,
  latencyMs: 4.5,
  failures: 0,
  ageMs: 0.8,
  selections: 12,
  ...over,
});

/** One of each kind: far, here and unheard of, slow-started, dead, drained. */
export const replicas: readonly ReplicadReplica[] = [
  replicaOf(),
  replicaOf({
    replica: "10.0.0.10:8080",
    node: "n1",
    here: true,
    standing: "slow-start",
    ramp: 0.4,
    inFlight: 0,
    latencyMs: null,
    ageMs: 0.04,
  }),
  replicaOf({
    replica: "10.0.0.9:8080",
    node: null,
    inFlight: null,
    serviceMs: null,
    latencyMs: null,
    ageMs: null,
    standing: "dead",
    failures: 1,
  }),
  replicaOf({
    service: "api",
    port: 80,
    replica: "[fd00::7]:80",
    standing: "draining",
    weight: 0.5,
    overridden: true,
    failures: 0.004,
    ageMs: 125_000,
    inFlight: 120,
  }),
];

const candidate = (one: ReplicadReplica, over: Partial<ReplicadCandidate>): ReplicadCandidate => ({
  ...one,
  cost: 5,
  share: 0.35,
  chosen: false,
  ...over,
});

/** Two candidates, and two replicas that are none. */
export const explanation: ReplicadExplanation = {
  service: "cart",
  port: 8080,
  selector: "mitsu",
  options: { "stale-ms": 10, "remote-cost-ms": 0.5 },
  unit: "ms",
  clients: 2,
  candidates: [
    candidate(replicas[1]!, { cost: 1.25, share: 0.646, chosen: true }),
    candidate(replicas[0]!, { cost: 5.5, share: 0.354, chosen: false }),
  ],
  left: [
    { replica: replicas[2]!, why: "nobody took a connection there" },
    { replica: replicaOf({ replica: "10.0.0.8:8080", standing: "draining" }), why: "it is drained (replicad drain)" },
  ],
  panic: false,
  why: "10.0.0.10:8080 costs least: 1.25 ms (0 in flight, told 0.0 ms ago), the next best 5.50 ms",
};

/** Of a daemon that is well. */
export const status: ReplicadStatus = {
  version: "0.1.0",
  pid: 7,
  startedAtMs: 0,
  degraded: [],
  mesh: "shop",
  node: "n1",
  broker: {
    url: "mqtt://127.0.0.1:1883",
    state: "up",
    connects: 2,
    losses: 1,
    sent: 1200,
    dropped: 3,
    unsent: 4,
    received: 2400,
    refused: { replayed: 2, garbled: 1, version: 0 },
    intervalMs: 1,
  },
  nodes: [
    {
      name: "n1",
      here: true,
      ageMs: 0.4,
      replicas: 2,
      cpus: 4,
      figures: { runQueue: 6, cpuSome: 0.12, memorySome: 0, throttled: 0.004, memoryUsed: 0.95 },
      clockErrorMs: 0,
      lost: 0,
    },
    { name: "n2", here: false, ageMs: 1.6, replicas: 1, cpus: 2, figures: { runQueue: 0.5, nicDrops: 3 }, clockErrorMs: 0.25, lost: 5 },
    { name: "n3", here: false, ageMs: 125_000, replicas: 0, cpus: 0, figures: {}, clockErrorMs: null, lost: 0 },
  ],
  sources: [
    { name: "nicd", path: "/run/mitsu/nicd.sock", state: "up", why: null },
    { name: "sockhijack", path: "/run/mitsu/sockhijack.sock", state: "away", why: "there is no such socket" },
  ],
  services: 2,
  replicas: 4,
  overrides: 1,
  kernel: { state: "up", replicas: 4, writes: 900, why: null },
  reports: { rows: 4, writes: 901 },
  selections: 12,
  waiting: 1,
  forgotten: 2,
  unknownTickets: 1,
};

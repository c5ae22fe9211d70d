/** The cluster of replica-selection.sh: a broker, nodes with nicd and replicad, replicas on them; all of it anew for each measurement, so that no policy inherits what another has left. @module */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type NicdStatus, nicd, type ReplicadReplica, type ReplicadStatus, replicad } from "../../packages/ipc/src/mod.ts";
import { CpuGroups, removeGroups } from "./replica-selection-groups.ts";
import { Program } from "./replica-selection-process.ts";
import {
  brokerAddress,
  type Common,
  hogCores,
  hogDwellMs,
  meshOf,
  nodeAddress,
  nodeName,
  type Place,
  type Point,
  placesOf,
} from "./replica-selection-setting.ts";

/** Where things are. */
export interface Paths {
  /** The run's private folder. */
  readonly work: string;
  readonly root: string;
  /** First part of the network namespaces' names. */
  readonly unique: string;
  /** Before the commands of replicas and clients: they stand for other machines, so daemons do not keep them from a CPU. */
  readonly first: readonly string[];
}

/** A replica that runs. */
export interface Replica {
  readonly place: Place;
  program: Program;
}

/** What a full collection takes at most. */
const collectionMs = 3000;

/** One node's daemons. */
export interface Node {
  readonly name: string;
  readonly at: number;
  readonly nicd: Program;
  readonly nicdSocket: string;
  /** Null with `--replicad off`. */
  readonly replicad: Program | null;
  readonly replicadSocket: string;
}

/** What runs. */
export class Cluster {
  readonly nodes: readonly Node[];
  readonly replicas: readonly Replica[];
  readonly broker: Program | null;
  /** How long it took to start. */
  readonly startSeconds: number;
  /** Of `hog`. */
  hogs: readonly Program[] = [];
  readonly #groups: CpuGroups | null;
  readonly #paths: Paths;
  readonly #folder: string;

  private constructor(
    paths: Paths,
    folder: string,
    groups: CpuGroups | null,
    parts: Pick<Cluster, "nodes" | "replicas" | "broker" | "startSeconds">,
  ) {
    this.#paths = paths;
    this.#folder = folder;
    this.#groups = groups;
    this.nodes = parts.nodes;
    this.replicas = parts.replicas;
    this.broker = parts.broker;
    this.startSeconds = parts.startSeconds;
  }

  /** @throws {Error} When a program does not become ready; what was started is for `stopAll`. */
  static async start(point: Point, common: Common, paths: Paths, withReplicad: boolean): Promise<Cluster> {
    const began = performance.now();
    const folder = join(paths.work, "cluster");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const mesh = join(folder, "mesh.yaml");
    writeFileSync(mesh, meshOf(point, common));
    const broker = withReplicad ? await startBroker(point, common, paths, folder) : null;
    const groups = point.speed === "hog" ? new CpuGroups(paths.unique) : null;
    const each = Math.ceil(point.replicas / common.nodes);
    const cgroups = Array.from({ length: common.nodes }, (_, at) => groups?.node(at, each) ?? null);
    const replicas = placesOf(point.replicas, common.nodes).map((place) => ({
      place,
      program: startReplica(place, paths, folder, groups),
    }));
    const nodes = cgroups.map((cgroup, at) => startNode(at, point, common, paths, folder, mesh, withReplicad, cgroup));
    for (const node of nodes) {
      await node.nicd.says(/ ready /);
      await node.replicad?.says(/ ready /);
    }
    return new Cluster(paths, folder, groups, { nodes, replicas, broker, startSeconds: (performance.now() - began) / 1000 });
  }

  /** Starts a replica that has ended anew. */
  restart(replica: Replica): void {
    replica.program = startReplica(replica.place, this.#paths, this.#folder, this.#groups);
  }

  /** Starts the antagonist of each node of `hog`, in its cgroup; it burns on and off from `beginNs` on, and ends by itself. */
  startHogs({ rep, seconds }: Point, common: Common, beginNs: bigint): void {
    const [{ work, unique }, folder, groups] = [this.#paths, this.#folder, this.#groups];
    if (groups === null) return;
    const ms = String(hogDwellMs(common));
    this.hogs = this.nodes.map(({ name, at }) => {
      const command = [...groups.hog(at), join(work, "replica-hog"), String(rep), String(at), String(beginNs), String(seconds), ms, ms];
      return new Program({ name: `hog-${name}`, namespace: `${unique}-${name}`, folder, command });
    });
  }

  /** Asks every node's replicad for its status; those that are away are left out. */
  async statuses(): Promise<readonly ReplicadStatus[]> {
    return await this.#ask(async ({ replicadSocket }) => {
      using client = await connect(replicadSocket, replicad);
      return await client.call("status", {});
    });
  }

  /** What every node's replicad knows of the replicas. */
  async known(): Promise<readonly (readonly ReplicadReplica[])[]> {
    return await this.#ask(async ({ replicadSocket }) => {
      using client = await connect(replicadSocket, replicad);
      return (await client.call("replicas", {})).replicas;
    });
  }

  async #ask<T>(what: (node: Node) => Promise<T>): Promise<readonly T[]> {
    const answers = await Promise.allSettled(this.nodes.filter(({ replicad: one }) => one?.alive).map(what));
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  /** Status of every node's nicd. */
  async carried(): Promise<readonly NicdStatus[]> {
    return await Promise.all(
      this.nodes.map(async ({ nicdSocket }) => {
        using client = await connect(nicdSocket, nicd);
        return await client.call("status", {});
      }),
    );
  }

  /** How many connections each nicd has open: those of clients, of other nodes' streams, and to replicas. */
  async connections(): Promise<Readonly<Record<string, number>>> {
    const statuses = await this.carried();
    return Object.fromEntries(
      this.nodes.map(({ nicd: { name } }, at) => {
        const { connections, upstreamConnections } = statuses[at]!;
        return [name, connections.http + connections.tcp + upstreamConnections];
      }),
    );
  }

  /** CPU seconds so far, by role. */
  cpuSeconds(): Readonly<Record<"nicd" | "replicad" | "broker" | "replicas" | "hogs", number>> {
    const sum = (programs: readonly (Program | null)[]): number => programs.reduce((all, one) => all + (one?.cpuSeconds() ?? 0), 0);
    return {
      nicd: sum(this.nodes.map((node) => node.nicd)),
      replicad: sum(this.nodes.map((node) => node.replicad)),
      broker: sum([this.broker]),
      replicas: sum(this.replicas.map(({ program }) => program)),
      hogs: sum(this.hogs),
    };
  }

  /** Resident sets in bytes, by program. */
  resident(): Readonly<Record<string, number>> {
    const programs = [this.broker, ...this.nodes.flatMap((node) => [node.nicd, node.replicad])];
    return Object.fromEntries(programs.flatMap((one) => (one === null ? [] : [[one.name, one.residentBytes()] as const])));
  }

  /** Has every daemon collect all of its garbage. @returns Bytes of objects and buffers that are left, by program. Of a soak only, whose daemons listen for it. */
  async collect(): Promise<Readonly<Record<string, number>>> {
    const programs = [this.broker, ...this.nodes.flatMap((node) => [node.nicd, node.replicad])].filter((one) => one !== null);
    for (const program of programs) program.signal("SIGUSR2");
    await sleep(collectionMs);
    const left = ({ name, pid }: Program): readonly (readonly [string, number])[] => {
      const file = join(this.#folder, `memory-${pid}`);
      return existsSync(file) ? [[name, Number(readFileSync(file, "utf8"))]] : [];
    };
    return Object.fromEntries(programs.flatMap(left));
  }

  /** Clients first would be kinder; these have ended. Daemons together, as each waits for connections of others. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.flatMap((node) => [node.nicd.stop(), node.replicad?.stop()]));
    await Promise.all([this.broker?.stop(), ...[...this.replicas.map(({ program }) => program), ...this.hogs].map((one) => one.kill())]);
    if (this.#groups !== null) removeGroups(this.#paths.unique);
  }
}

function startReplica(
  { number, node, address, port }: Place,
  { work, unique, first }: Paths,
  folder: string,
  groups: CpuGroups | null,
): Program {
  const server = [join(work, "replica-server"), address, String(port), String(number), "1"];
  // The real-time class knows no bounds of cgroups.
  const command = groups === null ? [...first, ...server] : [...groups.replica(node, number), ...server, "10000", String(hogCores)];
  return new Program({ name: `replica-${number}`, namespace: `${unique}-${nodeName(node)}`, folder, command });
}

/** Of a soak: SIGUSR2 collects garbage. */
function environmentOf({ scenario }: Point, root: string, folder: string): Readonly<Record<string, string>> {
  if (scenario !== "soak") return {};
  return { NODE_OPTIONS: `--expose-gc --import ${join(root, "bench/lib/collect-garbage.mjs")}`, MITSU_BENCH_MEMORY: folder };
}

async function startBroker(point: Point, { broker }: Common, { root, unique }: Paths, folder: string): Promise<Program> {
  const env = environmentOf(point, root, folder);
  const config = join(folder, "broker.conf");
  const lines = [`listener 1883 ${brokerAddress}`, "allow_anonymous true", "set_tcp_nodelay true", "persistence false"];
  if (broker === "mosquitto")
    lines.unshift("user root", "log_dest stderr", "log_type information", "log_type notice", "connection_messages false");
  writeFileSync(config, `${lines.join("\n")}\n`);
  const mqttnic = [join(root, "bin/mqttnic"), "daemon", "--socket", join(folder, "broker.sock"), "--config-file", config];
  const command = broker === "mosquitto" ? ["mosquitto", "-c", config] : mqttnic;
  const program = new Program({ name: broker, namespace: `${unique}-broker`, folder, command, env });
  await program.says(broker === "mosquitto" ? / running/ : / ready /);
  return program;
}

function startNode(
  at: number,
  point: Point,
  { security }: Common,
  { work, root, unique }: Paths,
  folder: string,
  mesh: string,
  withReplicad: boolean,
  cgroup: string | null,
): Node {
  const name = nodeName(at);
  const namespace = `${unique}-${name}`;
  const nicdSocket = join(folder, `${name}-nicd.sock`);
  const replicadSocket = join(folder, `${name}-replicad.sock`);
  const shared = ["--config", mesh, "--node", name, "--sockhijack", "off"];
  const links = ["--link-listen", nodeAddress(at), "--listen", "127.0.0.1:80=work"];
  const certificates = security === "mtls" ? ["--certificates", join(work, "certificates", name)] : [];
  const helping = ["--replicad", withReplicad ? replicadSocket : "off"];
  const nicdCommand = [join(root, "bin/nicd"), "daemon", ...shared, "--socket", nicdSocket, ...links, ...certificates, ...helping];
  const pace = ["--interval", String(point.intervalMs), "--quiet", String(Math.max(100, point.intervalMs))];
  const state = join(folder, `${name}-state`);
  const own = cgroup === null ? [] : ["--cgroup", cgroup];
  const rest = ["--broker", `mqtt://${brokerAddress}:1883`, "--nicd", nicdSocket, "--state", state, ...own, ...pace];
  const replicadCommand = [join(root, "bin/replicad"), "daemon", ...shared, "--socket", replicadSocket, ...rest];
  const env = environmentOf(point, root, folder);
  return {
    name,
    at,
    nicd: new Program({ name: `nicd-${name}`, namespace, folder, command: nicdCommand, env }),
    nicdSocket,
    replicad: withReplicad ? new Program({ name: `replicad-${name}`, namespace, folder, command: replicadCommand, env }) : null,
    replicadSocket,
  };
}

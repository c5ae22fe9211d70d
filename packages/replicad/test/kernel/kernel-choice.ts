/** Which replica a real connect() gets, for given candidates: servers on loopback, a sockhijack of the test's own, and one client program. @module */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { BpfMap } from "@mitsu/ebpf-ts";
import { connect, type NumberedReplica, sockhijack } from "@mitsu/ipc";
import type { Candidate, CostOptions } from "@mitsu/selector";
import type { ExecutionContext } from "ava";
import type { Program } from "../../../sockhijack/test/kernel/support/program.ts";
import { Sandbox } from "../../../sockhijack/test/kernel/support/sandbox.ts";
import { python } from "../../../sockhijack/test/kernel/support/servers.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ScoreMap } from "../../src/kernel/score-map.ts";
import { ScoreWriter } from "../../src/kernel/score-writer.ts";

/** Virtual address of the service. */
const address = "198.18.7.80";
/** Each line of stdin is a number of connections to open and close, one after the other; prints who answered. */
const client = `import socket, sys
print("up", flush=True)
for line in sys.stdin:
    answers = []
    for _ in range(int(line)):
        s = socket.create_connection(("${address}", 80), timeout=10)
        answers.append(s.makefile().readline().strip())
        s.close()
    print("answers", *answers, flush=True)`;

/** A replica as a test sees it; `takesNone` unless told is false. */
export interface ChoiceCandidate {
  readonly candidate: Candidate;
  readonly takesNone?: boolean;
}

/** How they are scored. */
export interface ChoiceOptions {
  readonly clients: number;
  readonly options: CostOptions;
  /** By `clockMs()`, which reports are as old as. */
  readonly nowMs: number;
  /** How many the kernel compares: all unless told. */
  readonly choices?: number;
}

/**
 * A service `web` of n replicas.
 *
 * @example
 * ```ts
 * const kernel = await KernelChoice.open(t, 3);
 * await kernel.choose([{ candidate: a }, { candidate: b }, { candidate: c }], { clients: 1, options, nowMs }); // 1
 * ```
 */
export class KernelChoice {
  readonly sandbox: Sandbox;
  readonly map: ScoreMap;
  /** In the order of their indexes. */
  readonly replicas: readonly NumberedReplica[];
  readonly ports: readonly number[];
  readonly #writer: ScoreWriter;
  #daemon: Program;
  readonly #client: Program;
  #asked = 0;

  private constructor(sandbox: Sandbox, programs: readonly [Program, Program], map: ScoreMap, replicas: readonly NumberedReplica[]) {
    this.sandbox = sandbox;
    [this.#daemon, this.#client] = programs;
    this.map = map;
    this.replicas = replicas;
    this.ports = replicas.map(({ target }) => target);
    this.#writer = new ScoreWriter(map);
  }

  /** Starts all; ended with the test. @throws NotSupportedError */
  static async open(t: ExecutionContext, n: number): Promise<KernelChoice> {
    const sandbox = new Sandbox(t);
    const ports = await Promise.all(Array.from({ length: n }, (_, index) => answering(t, String(index))));
    const daemon = await sandbox.daemon({ mesh: meshOf(ports) });
    const asking = sandbox.run("client", [python, "-c", client], { input: "open" });
    await asking.says(/^up/m);
    const { pins, replicas } = await numbered(sandbox);
    const map = ScoreMap.open(pins);
    t.teardown(() => map.close());
    const ordered = ports.map((port) => replicas.find(({ service, target }) => service === "web" && target === port)!);
    return new KernelChoice(sandbox, [daemon, asking], map, ordered);
  }

  get frontend(): number {
    return this.replicas[0]!.frontend;
  }

  /** Sets the kernel's own counts of open connections, by index. */
  load(active: readonly number[]): void {
    using loads = BpfMap.open(`${this.sandbox.places.pins}/map_loads`);
    for (const [index, count] of active.entries()) {
      loads.set(words(this.replicas[index]!.id), new Uint8Array(new BigInt64Array([BigInt(count), 0n]).buffer));
    }
  }

  /** Writes what the candidates' state is, their own requests in flight as the kernel's counts too. */
  write(candidates: readonly ChoiceCandidate[], { nowMs, clients, options, choices = 16 }: ChoiceOptions): void {
    this.load(candidates.map(({ candidate }) => candidate.inFlight));
    const scored = candidates.map(({ candidate, takesNone = false }, index) => ({ id: this.replicas[index]!.id, candidate, takesNone }));
    this.#writer.write({ frontend: this.frontend, candidates: scored, clients, nowMs, options, choices });
  }

  /** Opens so many connections and closes each before the next. @returns the index that answered each. */
  async connect(count: number): Promise<number[]> {
    const nth = this.#asked++;
    this.#client.child.stdin!.write(`${count}\n`);
    const line = await until("answers", () => [...this.#client.stdout.matchAll(/^answers (.*)\n/gm)][nth]?.[1], { timeoutMs: 30_000 });
    return line.split(" ").map(Number);
  }

  /** The index that one connect() gets in that state. */
  async choose(candidates: readonly ChoiceCandidate[], options: ChoiceOptions): Promise<number> {
    this.write(candidates, options);
    return (await this.connect(1))[0]!;
  }

  /** Replicas at these ports in place of those there were, by a new mesh file. */
  reload(ports: readonly number[]): void {
    writeFileSync(`${this.sandbox.directory}/mesh.yaml`, meshOf(ports));
    this.#daemon.child.kill("SIGHUP");
  }

  /** Ends the daemon; what is in the kernel works on. */
  async stop(): Promise<void> {
    await this.#daemon.stop("SIGKILL");
  }

  /** Starts it again. */
  async start(): Promise<void> {
    this.#daemon = await this.sandbox.daemon({ args: ["--config", `${this.sandbox.directory}/mesh.yaml`] });
  }
}

/** A server that says its name to whoever connects. @returns its port. */
export async function answering(t: ExecutionContext, name: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {}); // the client may be gone
    socket.end(`${name}\n`);
  }).listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function meshOf(ports: readonly number[]): string {
  const replicas = ports.map((port) => `{ address: 127.0.0.1, port: ${port} }`).join(", ");
  return `version: 1\nservices: { web: { ports: [80], address: [${address}, "fd6d::7:80"], redirect: off, replicas: [${replicas}] } }\n`;
}

/** The first event of the stream `replicas`. */
async function numbered({ socket }: Sandbox): Promise<{ readonly pins: string; readonly replicas: readonly NumberedReplica[] }> {
  using daemon = await connect(socket, sockhijack);
  for await (const event of daemon.subscribe("replicas", {})) return event;
  throw new Error("the stream ended before its first event");
}

function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}

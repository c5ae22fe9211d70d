/** A sockhijack of a test's own: its socket, pins, cgroups and programs meet no other's, and all go at the test's end, also when it fails. @module */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, systemEnv, testEnv } from "@mitsu/cli";
import { cgroup2Path } from "@mitsu/ebpf-ts";
import { connect, type Flow, type ServiceStatus, type SockhijackStatus, sockhijack, type TracedExchange } from "@mitsu/ipc";
import type { ExecutionContext } from "ava";
import { sockhijack as program } from "../../../src/cli.ts";
import { type Places, placesOf } from "../../../src/places.ts";
import { bundledCommand } from "./bundled-command.ts";
import { processesIn, tracesOf } from "./kernel-state.ts";
import type { Namespace } from "./namespace.ts";
import { type Ending, Program, type ProgramOptions } from "./program.ts";
import { until } from "./until.ts";

/** The command under test. */
export const bin: string = bundledCommand();

/** What is asked of a flow. */
export interface FlowMatch {
  readonly state?: "redirected" | "tcp";
  readonly reason?: string;
  /** Service of the client's, of the server's end. */
  readonly from?: string;
  readonly to?: string;
  /** Port of the client's end. */
  readonly port?: number;
}

/** How a program is run as a service. */
export interface RunOptions extends ProgramOptions {
  readonly within?: Namespace | undefined;
  readonly redirect?: "auto" | "on" | "off";
  readonly tracing?: "off" | "side-band" | "header" | undefined;
  /** Share of the traces beginning there that are sampled; 1 unless told. */
  readonly sampling?: number | undefined;
}

let made = 0;
/** The self-test's verdict as the first daemon of this test file kept it: it holds for one kernel and object, so the others need not judge anew. */
let verdict: string | undefined;

/**
 * Where one test works.
 *
 * @example
 * ```ts
 * const sandbox = new Sandbox(t);
 * sandbox.run("web:80:8080", ["nginx", "-c", conf]);
 * await sandbox.flow({ to: "web", state: "redirected" });
 * ```
 */
export class Sandbox {
  /** A folder for the test's files. */
  readonly directory: string = mkdtempSync(join(tmpdir(), "mitsu-k-"));
  readonly socket: string;
  readonly places: Places;
  /** Command line up to the sub-command; another version's in a test of upgrades. */
  readonly bin: readonly string[];
  readonly #programs: Program[] = [];
  readonly #daemons = new Set<Program>();
  readonly #cgroups: string[] = [];

  /** Is torn down with the test. @param options `command` makes another command to test than `bin/sockhijack`. */
  constructor(t: ExecutionContext, { command }: { readonly command?: (sandbox: Sandbox) => readonly string[] } = {}) {
    this.socket = join(this.directory, "sockhijack.sock");
    this.places = placesOf(this.socket);
    this.bin = command?.(this) ?? [bin];
    t.teardown(() => this.#remove());
    t.timeout(90_000);
  }

  /** Starts any program; ended with the test. */
  spawn(command: readonly string[], options?: ProgramOptions): Program {
    const program = new Program(command, options);
    this.#programs.push(program);
    return program;
  }

  /** Starts `sockhijack <args> --socket …`. */
  start(args: readonly string[], { within, ...options }: ProgramOptions & { readonly within?: Namespace | undefined } = {}): Program {
    const end = args.indexOf("--");
    const at = end < 0 ? args.length : end;
    const command = [...this.bin, ...args.slice(0, at), "--socket", this.socket, ...args.slice(at)];
    return this.spawn(within ? within.command(command) : command, options);
  }

  /** Runs `sockhijack <args>` to its end, whatever its exit status. */
  cli(...args: readonly string[]): Promise<Ending> {
    return this.start(args).ended;
  }

  /** Starts a program under `sockhijack run --service`. @param options `within` a namespace: `run` itself is started there. */
  run(service: string, command: readonly string[], options?: RunOptions): Program {
    const redirect = options?.redirect ? ["--redirect", options.redirect] : [];
    const tracing = options?.tracing ? ["--tracing", options.tracing, "--sampling", String(options.sampling ?? 1)] : [];
    return this.start(["run", "--service", service, ...redirect, ...tracing, "--", ...command], options);
  }

  /** Starts `sockhijack daemon` and waits until it is ready. @param options `mesh` is the text of its `mesh.yaml`; one that `judges` finds no verdict of an earlier test. */
  async daemon({
    mesh,
    args = [],
    within,
    judges = false,
  }: {
    readonly mesh?: string;
    readonly args?: readonly string[];
    readonly within?: Namespace;
    readonly judges?: boolean;
  } = {}): Promise<Program> {
    const config = mesh === undefined ? [] : ["--config", this.file("mesh.yaml", mesh)];
    const kept = join(this.places.state, "selftest.json");
    if (!judges && verdict !== undefined && !existsSync(kept)) {
      mkdirSync(this.places.state, { recursive: true, mode: 0o750 });
      writeFileSync(kept, verdict, { mode: 0o640 });
    }
    const daemon = this.start(["daemon", ...config, ...args], { within });
    this.#daemons.add(daemon);
    await daemon.says(/\bready\b/);
    if (existsSync(kept)) verdict ??= readFileSync(kept, "utf8");
    return daemon;
  }

  /** Writes a file into the sandbox's folder and returns its path. */
  file(name: string, text: string | Uint8Array, mode = 0o644): string {
    const path = join(this.directory, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text, { mode });
    return path;
  }

  /** Makes a cgroup that no other test has; removed, with all that runs in it, at the test's end. */
  cgroup(): string {
    const folder = join(cgroup2Path()!, `mitsu-test-${process.pid}-${++made}`);
    mkdirSync(folder);
    this.#cgroups.push(folder);
    return folder;
  }

  /** A program started inside a cgroup. */
  inCgroup(folder: string, command: readonly string[], options?: ProgramOptions): Program {
    return this.spawn(["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', folder, ...command], options);
  }

  async #call<T>(ask: (client: Awaited<ReturnType<typeof connect<typeof sockhijack>>>) => Promise<T>): Promise<T> {
    using client = await connect(this.socket, sockhijack);
    return await ask(client);
  }

  /** What `flows --json` prints, asked over the control socket: starting a command for each poll would slow down what is being watched. */
  async flows(): Promise<readonly Flow[]> {
    return (await this.#call((client) => client.call("flows", {}))).flows;
  }

  /** What `services --json` prints. */
  async services(): Promise<readonly ServiceStatus[]> {
    return (await this.#call((client) => client.call("services", {}))).services;
  }

  /** What `status --json` prints. */
  status(): Promise<SockhijackStatus> {
    return this.#call((client) => client.call("status", {}));
  }

  /** Waits until so many sampled exchanges with a server service have ended, and returns all of them with their traces' others, oldest first. */
  async exchanges(to: string, count = 1): Promise<readonly TracedExchange[]> {
    const all = async () =>
      (await this.#call((client) => client.call("traces", { limit: 1000 }))).traces.flatMap((trace) => trace.exchanges);
    return until(`${count} exchanges with ${to}`, async () => {
      const found = await all();
      return found.filter(({ server }) => server.service === to).length >= count && found;
    });
  }

  /** One service once it has as many replicas that listen. */
  serving(name: string, replicas = 1): Promise<ServiceStatus> {
    return until(
      `${name} has ${replicas} replicas that listen`,
      async () => {
        const found = (await this.services()).find((service) => service.name === name);
        return found && found.replicas.filter(({ up }) => up).length >= replicas ? found : undefined;
      },
      { timeoutMs: 20_000 },
    );
  }

  /** Flows that match. */
  async matching({ state, reason, from, to, port }: FlowMatch): Promise<readonly Flow[]> {
    return (await this.flows()).filter(
      (flow) =>
        (state === undefined || flow.state === state) &&
        (reason === undefined || flow.reason === reason) &&
        (from === undefined || flow.client.service === from) &&
        (to === undefined || flow.server.service === to) &&
        (port === undefined || flow.client.port === port),
    );
  }

  /** Waits for at least `count` flows that match. @throws after 15 s with the flows there are. */
  async awaitFlows(match: FlowMatch, count = 1): Promise<readonly Flow[]> {
    let all: readonly Flow[] = [];
    return until(
      `${count} flows with ${JSON.stringify(match)}`,
      async () => {
        const found = await this.matching(match);
        all = found.length >= count ? found : await this.flows();
        return found.length >= count ? found : undefined;
      },
      { timeoutMs: 15_000, seen: () => all.map(({ client, server, state, reason }) => ({ client, server, state, reason })) },
    );
  }

  /** Waits for a flow that matches. */
  async awaitFlow(match: FlowMatch): Promise<Flow> {
    return (await this.awaitFlows(match))[0]!;
  }

  /** Waits until the client's end of a flow has bytes that its program has not read. */
  async awaitUnread(match: FlowMatch): Promise<void> {
    await until("the client has unread bytes", async () => (await this.matching(match)).some(({ unread }) => unread[0] > 0));
  }

  /** Waits until some flow that matches has carried so many bytes. */
  async awaitBytes(match: FlowMatch, bytes: number): Promise<void> {
    await until(`a flow carried ${bytes} bytes`, async () =>
      (await this.matching(match)).some((flow) => flow.bytesOut + flow.bytesIn >= bytes),
    );
  }

  /** Removes a folder of this sandbox's daemon behind its back. */
  remove(path: Places["state"] | Places["pins"]): void {
    rmSync(path, { recursive: true, force: true });
  }

  /** Pid of the daemon that serves this sandbox, whoever started it. */
  async daemonPid(): Promise<number> {
    return (await this.status()).pid;
  }

  /** Log of a daemon that `run` or `attach` started. */
  daemonLog(): string {
    return readFileSync(join(this.places.state, "daemon.log"), "utf8");
  }

  /** `cleanup` within this process, which spares each test a start; another version cleans up after itself. */
  async #cleanUp(): Promise<{ readonly status: number | null; readonly stderr: string }> {
    const args = ["cleanup", "--socket", this.socket];
    if (this.bin[0] !== bin) return new Program([...this.bin, ...args]).ended;
    const env = testEnv({ pid: process.pid, vars: process.env as Record<string, string> });
    const status = await run(program, args, { ...env, now: systemEnv.now, nowNs: systemEnv.nowNs });
    return { status, stderr: env.err() };
  }

  async #remove(): Promise<void> {
    for (const program of this.#programs.toReversed()) if (!this.#daemons.has(program)) await program.stop();
    const root = cgroup2Path()!;
    for (const folder of [join(root, this.places.cgroup), ...this.#cgroups]) if (existsSync(folder)) await endAll(folder);
    // A living daemon cleans up by itself; without one its kernel programs would be loaded anew for it, which takes longer than most tests.
    const cleanup = await this.#cleanUp();
    for (const daemon of this.#daemons) await daemon.stop();
    for (const folder of this.#cgroups) if (existsSync(folder)) rmdirSync(folder);
    const { paths } = tracesOf(this.socket);
    if (cleanup.status !== 0 || paths.length > 0) {
      rmSync(this.places.pins, { recursive: true, force: true });
      rmSync(this.places.state, { recursive: true, force: true });
    }
    rmSync(this.directory, { recursive: true, force: true });
    if (cleanup.status !== 0) throw new Error(`cleanup at the end of the test failed: ${cleanup.stderr}`);
    if (paths.length > 0) throw new Error(`cleanup at the end of the test left ${paths.join(", ")}`);
  }
}

/** Ends what a killed master left behind. */
async function endAll(folder: string): Promise<void> {
  if (processesIn(folder).length > 0) writeFileSync(join(folder, "cgroup.kill"), "1");
  await until(`no process is left in ${folder}`, () => processesIn(folder).length === 0);
}

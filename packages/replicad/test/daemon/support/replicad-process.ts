/** Real daemons as processes of their own, ended with the test. @module */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, connect, type ReplicadProtocol, type ReplicadStatus, replicad } from "@mitsu/ipc";
import type { ExecutionContext } from "ava";
import { until } from "../../../../sockhijack/test/kernel/support/until.ts";

/** The command under test. */
export const bin: string = new URL("../../../../../bin/replicad", import.meta.url).pathname;

/** How one is started. */
export interface ReplicadOptions {
  readonly mesh: string;
  readonly node?: string;
  /** URL; none unless told. */
  readonly broker?: string;
  /** Control sockets; none unless told. */
  readonly nicd?: string;
  readonly sockhijack?: string;
  /** Its own control socket; in its folder unless told. */
  readonly socket?: string;
  readonly flags?: readonly string[];
}

/** One that runs, with its files in a folder of its own. */
export class ReplicadProcess {
  readonly folder: string = mkdtempSync(join(tmpdir(), "replicad-"));
  readonly mesh: string = join(this.folder, "mesh.yaml");
  readonly socket: string;
  /** All that it has printed to stderr. */
  log = "";
  #child: ChildProcess | undefined;
  readonly #options: ReplicadOptions;

  private constructor(options: ReplicadOptions) {
    this.#options = options;
    this.socket = options.socket ?? join(this.folder, "replicad.sock");
    writeFileSync(this.mesh, options.mesh);
  }

  /** Starts it, and waits until it is ready. */
  static async start(t: ExecutionContext, options: ReplicadOptions): Promise<ReplicadProcess> {
    const one = new ReplicadProcess(options);
    t.teardown(async () => {
      await one.kill();
      rmSync(one.folder, { recursive: true, force: true });
    });
    await one.run();
    return one;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Again after {@link kill}. */
  async run(): Promise<void> {
    const child = spawn(bin, this.#args(), { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    const from = this.log.length;
    child.stderr.on("data", (data: Buffer) => {
      this.log += data;
    });
    await until("it is ready", () => / ready /.test(this.log.slice(from)) || (child.exitCode !== null && "ended"), {
      timeoutMs: 20_000,
      seen: () => this.log,
    });
  }

  /** One that is to end by itself, with what it says of that. */
  static refused(t: ExecutionContext, options: ReplicadOptions): { readonly status: number | null; readonly err: string } {
    const one = new ReplicadProcess(options);
    t.teardown(() => rmSync(one.folder, { recursive: true, force: true }));
    const run = spawnSync(bin, one.#args(), { encoding: "utf8", timeout: 20_000 });
    return { status: run.status, err: run.stderr };
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM. @returns The exit status. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  /** SIGHUP. */
  hangUp(): void {
    this.#child!.kill("SIGHUP");
  }

  /** What it answers. */
  async ask<T>(question: (client: Client<ReplicadProtocol>) => Promise<T>): Promise<T> {
    using client = await connect(this.socket, replicad);
    return await question(client);
  }

  status(): Promise<ReplicadStatus> {
    return this.ask((client) => client.call("status", {}));
  }

  /** One of its commands, to the end. */
  cli(...args: string[]): { readonly status: number | null; readonly out: string; readonly err: string } {
    const run = spawnSync(bin, [...args, "--socket", this.socket], { encoding: "utf8", timeout: 20_000 });
    return { status: run.status, out: run.stdout, err: run.stderr };
  }

  #args(): string[] {
    const { node = "a", broker = "off", nicd = "off", sockhijack = "off", flags = [] } = this.#options;
    const own = ["--config", this.mesh, "--socket", this.socket, "--state", join(this.folder, "state")];
    return ["daemon", ...own, "--node", node, "--broker", broker, "--nicd", nicd, "--sockhijack", sockhijack, ...flags];
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child!;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, "exit");
    }
    return child.exitCode;
  }
}

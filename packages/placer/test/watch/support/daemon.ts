/** The real daemon as a process of its own, ended with the test. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type PlacerStatus, placer } from "@mitsu/ipc";
import type { ExecutionContext } from "ava";

/** The command under test. */
export const bin: string = new URL("../../../../../bin/placer", import.meta.url).pathname;

/** Two services on two nodes with room for both of them on either. */
export const twoServices: string = `version: 1
nodes: [{ name: n1, capacity: { cpu: 4 } }, { name: n2, capacity: { cpu: 4 } }]
services: [{ name: client, requests: { cpu: 1 } }, { name: web, requests: { cpu: 1 } }]
assignment: { client-0: n1, web-0: n2 }
`;

/** How it is started. */
export interface DaemonOptions {
  readonly folder: string;
  readonly problem?: string;
  /** In the place of the file with that text. */
  readonly problemFile?: string;
  /** `s.sock` in the folder unless told. */
  readonly sockhijackSocket?: string;
  readonly flags?: readonly string[];
  readonly vars?: Readonly<Record<string, string>>;
  /** In the place of the program, for one that starts it. */
  readonly by?: readonly string[];
}

/** One that runs, with its files in a folder of the test's. */
export class Daemon {
  readonly problem: string;
  readonly socket: string;
  readonly state: string;
  /** All that it has printed to stderr. */
  log = "";
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcess;
  readonly #waits = new Set<() => void>();

  /** Starts it. */
  constructor(
    t: ExecutionContext,
    {
      folder,
      problem = twoServices,
      problemFile,
      sockhijackSocket = join(folder, "s.sock"),
      flags = [],
      vars = {},
      by = [],
    }: DaemonOptions,
  ) {
    this.problem = join(folder, "placement.yaml");
    this.socket = join(folder, "placer.sock");
    this.state = join(folder, "state");
    writeFileSync(this.problem, problem);
    const own = [
      "--problem",
      problemFile ?? this.problem,
      "--socket",
      this.socket,
      "--state",
      this.state,
      "--sockhijack-socket",
      sockhijackSocket,
    ];
    const [program, ...args] = [...by, bin, "daemon", ...own, ...flags];
    this.#child = spawn(program!, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...vars } });
    this.#child.stderr!.on("data", (data: Buffer) => {
      this.log += data;
      for (const look of this.#waits) look();
    });
    this.exited = once(this.#child, "close").then(([status, signal]) => (status as number | null) ?? (signal as NodeJS.Signals));
    t.teardown(async () => {
      this.kill("SIGKILL");
      await this.exited;
    });
  }

  /** Starts it, and waits until it is ready. */
  static async start(t: ExecutionContext, options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(t, options);
    await daemon.says(/ ready /);
    return daemon;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal);
  }

  /** Resolves once it has printed a text after `from` characters; fails when it ends before. */
  async says(text: RegExp, from = 0): Promise<void> {
    const seen = Promise.withResolvers<void>();
    const look = (): void => {
      if (text.test(this.log.slice(from))) seen.resolve();
    };
    this.#waits.add(look);
    look();
    const ended = this.exited.then((status) => {
      if (!text.test(this.log.slice(from))) throw new Error(`ended with ${status} before it said ${text}: ${this.log}`);
    });
    await Promise.race([seen.promise, ended]);
    this.#waits.delete(look);
  }

  /** SIGHUP. @returns What it says of it, from there on. */
  async reload(): Promise<string> {
    const from = this.log.length;
    this.kill("SIGHUP");
    await this.says(/ reloaded|reload failed.*\n/, from);
    return this.log.slice(from);
  }

  /** SIGTERM. @returns The exit status. */
  stop(): Promise<number | NodeJS.Signals> {
    this.kill("SIGTERM");
    return this.exited;
  }

  async status(): Promise<PlacerStatus> {
    using client = await connect(this.socket, placer);
    return await client.call("status", {});
  }

  async proposal(): Promise<{ readonly plan: string | null; readonly why: string }> {
    using client = await connect(this.socket, placer);
    return await client.call("proposal", {});
  }
}

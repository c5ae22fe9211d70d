/** The real daemon as a process of its own, in a folder of the test's, ended with it. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { MqttnicStatus } from "@mitsu/ipc";
import type { ExecutionContext } from "ava";
import { freePort } from "../../commands/support/mosquitto.ts";

const mqttnic = fileURLToPath(new URL("../../../../../bin/mqttnic", import.meta.url));

/** A folder of the test's own. */
export function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "mqttnic-d-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a program that has ended has said. */
export interface Ended {
  /** Exit status, or the signal that ended it. */
  readonly status: number | NodeJS.Signals;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end. */
export async function execute(program: string, args: readonly string[], input = ""): Promise<Ended> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => {
    said.out += data;
  });
  child.stderr.on("data", (data: Buffer) => {
    said.err += data;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { status: status ?? signal!, ...said };
}

/** A command of `mqttnic` that ends by itself. */
export const cli = (...args: readonly string[]): Promise<Ended> => execute(mqttnic, args);

/** Gives a user a password in a password file, as an operator would. */
export async function passwd(file: string, user: string, password: string): Promise<void> {
  const { status, err } = await execute(mqttnic, ["passwd", file, user, "--create", "--stdin"], `${password}\n`);
  if (status !== 0) throw new Error(err);
}

/** What a daemon is started with. */
export interface DaemonOptions {
  readonly folder?: string;
  /** A mosquitto.conf; `{port}`, or `{port2}` and so on, stand for ports that are free. */
  readonly conf?: string;
  /** A mesh.yaml, instead. */
  readonly mesh?: string;
  readonly flags?: readonly string[];
  /** Instead of the program, for one that starts it. */
  readonly by?: readonly string[];
}

/** One that runs. */
export class Daemon {
  readonly folder: string;
  readonly socket: string;
  /** What stands for `{port}`, `{port2}` and so on. */
  readonly ports: readonly number[];
  /** All that it has printed to stderr. */
  log = "";
  out = "";
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcess;
  readonly #waits = new Set<() => void>();

  private constructor(folder: string, child: ChildProcess, ports: readonly number[]) {
    this.folder = folder;
    this.socket = join(folder, "control.sock");
    this.ports = ports;
    this.#child = child;
    child.stderr!.on("data", (data: Buffer) => {
      this.log += data;
      for (const look of this.#waits) look();
    });
    child.stdout!.on("data", (data: Buffer) => {
      this.out += data;
    });
    this.exited = once(child, "close").then(([status, signal]) => (status as number | null) ?? (signal as NodeJS.Signals));
  }

  /** Starts it, and waits until it is ready. */
  static async start(t: ExecutionContext, options: DaemonOptions): Promise<Daemon> {
    const daemon = await Daemon.spawn(t, options);
    await daemon.says(/ ready /);
    return daemon;
  }

  /** Starts it. */
  static async spawn(t: ExecutionContext, { folder = folderOf(t), conf, mesh, flags = [], by = [] }: DaemonOptions): Promise<Daemon> {
    const ports = await Promise.all([1, 2, 3].map(freePort));
    const files = conf === undefined ? ["--config", join(folder, "mesh.yaml")] : ["--config-file", join(folder, "m.conf")];
    const args = [...by, mqttnic, "daemon", ...files, "--socket", join(folder, "control.sock"), ...flags];
    const daemon = new Daemon(
      folder,
      (() => {
        if (conf !== undefined) writeFileSync(join(folder, "m.conf"), withPorts(conf, ports));
        writeFileSync(join(folder, "mesh.yaml"), `version: 1\nservices: {}\n${withPorts(mesh ?? "", ports)}`);
        return spawn(args[0]!, args.slice(1), { stdio: ["ignore", "pipe", "pipe"], cwd: folder });
      })(),
      ports,
    );
    t.teardown(async () => {
      daemon.kill("SIGKILL");
      await daemon.exited;
    });
    return daemon;
  }

  get port(): number {
    return this.ports[0]!;
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

  /** Replaces its mosquitto.conf. */
  rewrite(conf: string): void {
    writeFileSync(join(this.folder, "m.conf"), withPorts(conf, this.ports));
  }

  /** SIGHUP. @returns What it says of it, from there on. */
  async reload(): Promise<string> {
    const from = this.log.length;
    this.kill("SIGHUP");
    await this.says(/ reloaded|reload failed.*\n/, from);
    return this.log.slice(from);
  }

  async status(): Promise<MqttnicStatus> {
    return JSON.parse((await cli("status", "--json", "--socket", this.socket)).out) as MqttnicStatus;
  }
}

const withPorts = (text: string, ports: readonly number[]): string =>
  text.replace(/\{port(\d?)\}/g, (_, number: string) => String(ports[number === "" ? 0 : Number(number) - 1]));

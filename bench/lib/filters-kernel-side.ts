/** One of the two sockhijacks that filters-kernel.ts compares: its rules, its load generator, and what its BPF programs take. @module */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { counterNames } from "../../packages/sockhijack/src/kernel/layout.ts";
import { placesOf } from "../../packages/sockhijack/src/places.ts";
import type { Block } from "../report/filters-kernel-run.ts";

/** Where it lives; lib/filters-kernel.sh has started the daemon and its server. */
export interface Place {
  /** Its network namespace, by name. */
  readonly namespace: string;
  /** Control socket of its daemon. */
  readonly socket: string;
  readonly daemon: number;
  /** nginx' master. */
  readonly server: number;
  /** The file that `--rules` names. */
  readonly rules: string;
}

/** Run time and runs of programs so far, by name. */
export type ProgramTimes = Readonly<Record<string, { readonly ns: number; readonly runs: number }>>;

/** As bpftool shows a row of a map that has a value for each CPU. */
interface CounterRow {
  readonly formatted: { readonly values: readonly { readonly value: number }[] };
}

const rulesHoldWithinMs = 60_000;

const bpftool = (...args: readonly string[]): unknown =>
  JSON.parse(execFileSync("bpftool", ["-j", ...args], { maxBuffer: 1 << 27 }).toString());

/** The one child of nginx' master. */
function workerOf(master: number): number {
  const children = readFileSync(`/proc/${master}/task/${master}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  if (children.length !== 1) throw new Error(`nginx ${master} has ${children.length} workers; expected 1`);
  return children[0]!;
}

/** A side with its load generator running. */
export class Side {
  readonly #place: Place;
  readonly #pins: string;
  readonly #load: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #programs: readonly { readonly id: number; readonly name: string }[] = [];

  /** @param load Program and arguments before the two pids. */
  constructor(place: Place, load: readonly string[]) {
    this.#place = place;
    this.#pins = placesOf(place.socket).pins;
    const program = join(import.meta.dirname, "../../bin/sockhijack");
    const run = [program, "run", "--socket", place.socket, "--service", "load", "--"];
    const pids = [workerOf(place.server), place.daemon].map(String);
    this.#load = spawn("nsenter", [`--net=/run/netns/${place.namespace}`, ...run, ...load, ...pids], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#load.stdin!.on("error", () => {}); // it has ended: the next answer that is missing says so
    this.#answers = createInterface({ input: this.#load.stdout! })[Symbol.asyncIterator]();
  }

  /** Sends the generator a command (lib/filters-kernel-load.c). */
  async ask(command: string): Promise<Block> {
    this.#load.stdin!.write(`${command}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`the load generator ended at "${command}"`);
    return JSON.parse(value) as Block;
  }

  /** Rows of the kernel's table of rules. */
  rows(): number {
    return (bpftool("map", "dump", "pinned", `${this.#pins}/map_policies`) as unknown[]).length;
  }

  /** Has the daemon take other rules, and waits until the kernel's table has so many rows of them. */
  async takeRules(file: string, rows: number): Promise<void> {
    copyFileSync(file, `${this.#place.rules}.new`);
    renameSync(`${this.#place.rules}.new`, this.#place.rules);
    process.kill(this.#place.daemon, "SIGHUP");
    const end = Date.now() + rulesHoldWithinMs;
    for (let have = this.rows(); have !== rows; have = this.rows()) {
      if (Date.now() > end)
        throw new Error(`the kernel's table of rules has ${have} rows after ${rulesHoldWithinMs / 1000} s; expected ${rows}`);
      await wait(200);
    }
  }

  /** Its programs, told from those of others by their maps. */
  findPrograms(): void {
    const maps = new Set(
      readdirSync(this.#pins)
        .filter((name) => name.startsWith("map_"))
        .map((name) => (bpftool("map", "show", "pinned", join(this.#pins, name)) as { id: number }).id),
    );
    const all = bpftool("prog", "list") as { id: number; name?: string; map_ids?: readonly number[] }[];
    this.#programs = all
      .filter(({ map_ids = [] }) => map_ids.some((id) => maps.has(id)))
      .map(({ id, name = String(id) }) => ({ id, name }));
  }

  /** What those of `findPrograms` have taken while the kernel counted. */
  programTimes(): ProgramTimes {
    const all = bpftool("prog", "list") as { id: number; run_time_ns?: number; run_cnt?: number }[];
    const byId = new Map(all.map((one) => [one.id, one]));
    return Object.fromEntries(
      this.#programs.map(({ id, name }) => [name, { ns: byId.get(id)?.run_time_ns ?? 0, runs: byId.get(id)?.run_cnt ?? 0 }]),
    );
  }

  /** Messages that have gone past TCP so far. */
  redirected(): number {
    const key = ["key", String(counterNames.indexOf("redirected")), "0", "0", "0"];
    const found = bpftool("map", "lookup", "pinned", `${this.#pins}/map_counters`, ...key) as CounterRow;
    return found.formatted.values.reduce((sum, { value }) => sum + value, 0);
  }

  /** Ends the generator. */
  async stop(): Promise<void> {
    const ended = this.#load.exitCode === null && this.#load.signalCode === null ? once(this.#load, "exit") : undefined;
    this.#load.stdin!.end();
    await ended;
  }
}

/** All signals of a node's congestion, each as often as it is worth its cost. @module */
import { readFileSync } from "node:fs";
import { figure, type NodeState } from "../bus/node-state.ts";
import { CgroupCpu } from "./cgroup-cpu.ts";
import { cgroupFiles } from "./cgroup-files.ts";
import { MemoryPressure } from "./memory-pressure.ts";
import { NicQueue } from "./nic-queue.ts";
import { Psi } from "./psi.ts";
import { RunQueue } from "./run-queue.ts";

/** Where the files are. */
export interface NodeSignalsOptions {
  /** `/proc` unless told. */
  readonly proc?: string;
  /** Folder of the cgroup that is the node: its throttling counts, and its pressure instead of the machine's; none unless told. */
  readonly cgroup?: string | null;
  /** Counters of drops of network devices. */
  readonly devices?: readonly string[];
}

/** Samples of each, milliseconds apart: the run queue with every call; what jumps soon; what averages; what hardly moves. */
const often = 10;
const seldom = 50;
const rarely = 200;

/** Time constant of the run queue, and PSI's shortest span: what runs this instant says little, and would make every millisecond a change. */
const queueMs = 100;

/**
 * The signals. A file that is missing leaves its figures NaN and is told in {@link NodeSignals.degraded}.
 *
 * @example
 * ```ts
 * using signals = new NodeSignals({ cgroup: "/sys/fs/cgroup/web.slice" });
 * setInterval(() => signals.sample(state, now()), 1);
 * ```
 */
export class NodeSignals {
  readonly #runQueue: RunQueue;
  readonly #cpu: Psi;
  readonly #memory: Psi;
  readonly #io: Psi;
  readonly #throttling: CgroupCpu | null;
  readonly #used: MemoryPressure;
  readonly #nic: NicQueue;
  #sampledAtMs = Number.NaN;
  #oftenAtMs = Number.NEGATIVE_INFINITY;
  #seldomAtMs = Number.NEGATIVE_INFINITY;
  #rarelyAtMs = Number.NEGATIVE_INFINITY;

  constructor({ proc = "/proc", cgroup = null, devices = [] }: NodeSignalsOptions = {}) {
    this.#runQueue = new RunQueue(`${proc}/loadavg`);
    const files = cgroup === null ? null : cgroupFiles(cgroup, mountsOf(proc));
    const pressure = (of: string): string => (files?.pressure ? `${files.pressure}/${of}.pressure` : `${proc}/pressure/${of}`);
    this.#cpu = new Psi(pressure("cpu"), 100);
    this.#memory = new Psi(pressure("memory"), 200);
    this.#io = new Psi(pressure("io"), 200);
    this.#throttling = files === null ? null : new CgroupCpu(files.throttling);
    this.#used = new MemoryPressure(`${proc}/meminfo`);
    this.#nic = new NicQueue(`${proc}/net/softnet_stat`, devices);
  }

  /** Reads what is due and writes it into the state's figures. */
  sample({ figures }: NodeState, nowMs: number): void {
    this.#runQueue.sample(nowMs);
    const { tasks } = this.#runQueue;
    const before = figures[figure.runQueue]!;
    const keep = Math.exp((this.#sampledAtMs - nowMs) / queueMs);
    figures[figure.runQueue] = Number.isNaN(before) || Number.isNaN(keep) ? tasks : before * keep + tasks * (1 - keep);
    this.#sampledAtMs = nowMs;
    if (nowMs - this.#oftenAtMs >= often) {
      this.#oftenAtMs = nowMs;
      this.#cpu.sample(nowMs);
      this.#nic.sample(nowMs);
      figures[figure.cpuSome] = this.#cpu.someShare;
      figures[figure.cpuFull] = this.#cpu.fullShare;
      figures[figure.nicQueue] = this.#nic.waiting;
      figures[figure.nicDrops] = this.#nic.dropsPerS;
      figures[figure.nicSqueezes] = this.#nic.squeezesPerS;
    }
    if (nowMs - this.#seldomAtMs >= seldom) {
      this.#seldomAtMs = nowMs;
      this.#memory.sample(nowMs);
      this.#io.sample(nowMs);
      this.#throttling?.sample(nowMs);
      figures[figure.memorySome] = this.#memory.someShare;
      figures[figure.memoryFull] = this.#memory.fullShare;
      figures[figure.ioSome] = this.#io.someShare;
      figures[figure.ioFull] = this.#io.fullShare;
      figures[figure.throttled] = this.#throttling?.throttledShare ?? Number.NaN;
    }
    if (nowMs - this.#rarelyAtMs >= rarely) {
      this.#rarelyAtMs = nowMs;
      this.#used.sample(nowMs);
      figures[figure.memoryUsed] = this.#used.usedShare;
    }
  }

  /** What is not known, and why; one sentence each. */
  degraded(): readonly string[] {
    const parts = [this.#runQueue, this.#cpu, this.#memory, this.#io, this.#throttling, this.#used, this.#nic];
    return parts.map((part) => part?.degraded() ?? null).filter((reason) => reason !== null);
  }

  [Symbol.dispose](): void {
    for (const part of [this.#runQueue, this.#cpu, this.#memory, this.#io, this.#throttling, this.#used, this.#nic]) part?.close();
  }
}

/** Without it the cgroup's own folder has to have everything. */
function mountsOf(proc: string): string {
  try {
    return readFileSync(`${proc}/self/mounts`, "utf8");
  } catch {
    return "";
  }
}

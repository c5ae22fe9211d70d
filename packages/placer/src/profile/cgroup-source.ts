/** Demand of services by what their cgroups use. @module */
import { setTimeout as sleep } from "node:timers/promises";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Demand } from "../problem/problem.ts";
import { type CgroupReading, readCgroup } from "./cgroup-reading.ts";
import { demandOf } from "./demand.ts";
import type { Observation, ObservedService, ReadOptions } from "./observation.ts";

/** One cgroup; several of one service are its replicas. */
export interface CgroupTarget {
  readonly service: string;
  readonly path: string;
}

/** How it is measured. */
export interface CgroupOptions extends ReadOptions {
  readonly seconds: number;
  /** Monotonic, nanoseconds. */
  readonly nowNs: () => bigint;
  /** A test's own kernel; {@link readCgroup} unless given. */
  readonly read?: (path: string) => CgroupReading | null;
  /** A test's own pause. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Reads `service=path`. @throws {MitsuError} `ERR_USAGE`. */
export function parseCgroupTarget(text: string): CgroupTarget {
  const at = text.indexOf("=");
  const [service, path] = [text.slice(0, at), text.slice(at + 1)];
  if (at > 0 && path.startsWith("/")) return { service, path };
  throw new MitsuError(`--cgroup ${text}: service=path is needed, with a path from the root`, {
    code: "ERR_USAGE",
    exit: exitStatus.usage,
    hint: "such as --cgroup web=/sys/fs/cgroup/system.slice/web.service",
  });
}

/** Between two samples: a tenth of a second in short measurements, a second in long ones. */
export function sampleIntervalMs(seconds: number): number {
  return Math.min(1000, Math.max(100, (seconds * 1000) / 100));
}

/** What was sampled of one cgroup. */
class Track {
  readonly target: CgroupTarget;
  readonly cores: number[] = [];
  readonly coreSeconds: number[] = [];
  readonly memory: number[] = [];
  readonly memorySeconds: number[] = [];
  goneAfter: number | null = null;
  #before: { readonly reading: CgroupReading; readonly atNs: bigint };
  readonly #first: CgroupReading;
  throttled = 0;

  constructor(target: CgroupTarget, reading: CgroupReading, atNs: bigint) {
    this.target = target;
    this.#before = { reading, atNs };
    this.#first = reading;
  }

  /** @param measured Seconds since the beginning. */
  add(reading: CgroupReading | null, atNs: bigint, measured: number): void {
    if (reading === null) {
      this.goneAfter ??= measured;
      return;
    }
    const { reading: was, atNs: wasNs } = this.#before;
    const seconds = Number(atNs - wasNs) / 1e9;
    if (seconds <= 0) return;
    this.#before = { reading, atNs };
    // Made again under the same name, a cgroup counts from 0: that interval is unknown.
    if (reading.cpuUs !== null && was.cpuUs !== null && reading.cpuUs >= was.cpuUs) {
      this.cores.push((reading.cpuUs - was.cpuUs) / 1e6 / seconds);
      this.coreSeconds.push(seconds);
    }
    if (reading.memory !== null) {
      this.memory.push(reading.memory);
      this.memorySeconds.push(seconds);
    }
    if (reading.throttled !== null && this.#first.throttled !== null) {
      this.throttled = Math.max(this.throttled, reading.throttled - this.#first.throttled);
    }
  }
}

/**
 * Samples cgroups for a time: cores between two samples, bytes at each. All replicas' samples of a service make its one demand.
 *
 * @throws {MitsuError} `ERR_CGROUP_MISSING` when none of the cgroups is there.
 */
export async function observeCgroups(targets: readonly CgroupTarget[], options: CgroupOptions): Promise<Observation> {
  const { seconds, nowNs, signal, progress, read = readCgroup, pause = pauseMs } = options;
  const notices: string[] = [];
  const beganNs = nowNs();
  const tracks: Track[] = [];
  for (const target of targets) {
    const reading = read(target.path);
    if (reading) tracks.push(new Track(target, reading, nowNs()));
    else notices.push(`${target.service}: ${target.path} is no cgroup with CPU or memory figures; it was left out`);
  }
  if (tracks.length === 0) {
    throw new MitsuError(`cannot measure ${targets.map(({ path }) => path).join(", ")}: no such cgroup, or no figures in it`, {
      code: "ERR_CGROUP_MISSING",
      exit: exitStatus.data,
      hint: "systemctl show -p ControlGroup <unit> tells a unit's cgroup",
    });
  }
  const elapsed = (): number => Number(nowNs() - beganNs) / 1e9;
  const intervalMs = sampleIntervalMs(seconds);
  while (elapsed() < seconds && !signal.aborted && tracks.some(({ goneAfter }) => goneAfter === null)) {
    await pause(Math.min(intervalMs, Math.max(0, (seconds - elapsed()) * 1000)), signal);
    progress(`cgroups: ${elapsed().toFixed(1)} of ${seconds} s`);
    for (const track of tracks) if (track.goneAfter === null) track.add(read(track.target.path), nowNs(), elapsed());
  }
  for (const { target, goneAfter, throttled, cores } of tracks) {
    const replica = `${target.service}: ${target.path}`;
    if (goneAfter !== null) notices.push(`${replica} vanished after ${goneAfter.toFixed(1)} s; what was measured until then is kept`);
    if (throttled > 0) notices.push(`${replica} was held back by its CPU quota in ${throttled} periods: it wants more than was measured`);
    if (cores.length === 0) notices.push(`${replica} told no CPU time`);
  }
  return {
    source: "cgroup",
    kind: "count",
    seconds: elapsed(),
    edges: [],
    services: servicesOf(tracks),
    records: tracks.reduce((sum, { cores, memory }) => sum + Math.max(cores.length, memory.length), 0),
    skipped: targets.length - tracks.length,
    notices,
  };
}

function servicesOf(tracks: readonly Track[]): ObservedService[] {
  return [...Map.groupBy(tracks, ({ target }) => target.service)].map(([name, replicas]) => {
    const demand: Record<string, Demand> = {};
    const all = <K extends "cores" | "coreSeconds" | "memory" | "memorySeconds">(key: K): number[] => replicas.flatMap((one) => one[key]);
    if (all("cores").length > 0) demand.cpu = demandOf(all("cores"), all("coreSeconds"));
    if (all("memory").length > 0) demand.memory = demandOf(all("memory"), all("memorySeconds"));
    return { name, replicas: replicas.length, demand };
  });
}

async function pauseMs(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {}); // an abort ends the pause, and the loop sees it
}

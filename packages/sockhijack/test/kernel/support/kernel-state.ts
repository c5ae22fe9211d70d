/** What sockhijack leaves in the kernel, for comparing before and after. @module */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroup2Path } from "@mitsu/ebpf-ts";
import { placesOf } from "../../../src/places.ts";

/** Traces of one daemon. */
export interface Traces {
  /** Pins, state folder, cgroups; absolute paths. */
  readonly paths: readonly string[];
}

/** What is there of the daemon of this socket; empty lists after a cleanup. */
export function tracesOf(socket: string): Traces {
  const { pins, state, cgroup } = placesOf(socket);
  return { paths: [pins, state, join(cgroup2Path()!, cgroup)].filter((path) => existsSync(path)) };
}

/** What the kernel holds of one daemon. */
export interface KernelObjects {
  readonly programs: readonly number[];
  readonly links: readonly number[];
}

function bpftool<T>(...args: readonly string[]): T {
  return JSON.parse(execFileSync("bpftool", ["--json", ...args], { encoding: "utf8", maxBuffer: 1 << 26 })) as T;
}

/** Programs and links of the daemon whose pins these are, told from those of others on the machine by the maps they use. */
export function objectsOf(pins: string): KernelObjects {
  const maps = new Set(
    ["counters", "states", "control", "sockets"].map((name) => bpftool<{ id: number }>("map", "show", "pinned", `${pins}/map_${name}`).id),
  );
  const programs = bpftool<{ id: number; map_ids?: number[] }[]>("prog", "list")
    .filter(({ map_ids = [] }) => map_ids.some((id) => maps.has(id)))
    .map(({ id }) => id);
  const links = bpftool<{ id: number; prog_id?: number; map_id?: number }[]>("link", "list")
    .filter(({ prog_id = 0, map_id = 0 }) => programs.includes(prog_id) || maps.has(map_id))
    .map(({ id }) => id);
  return { programs, links };
}

/** Which of these the kernel still has. */
function remaining({ programs, links }: KernelObjects): KernelObjects {
  const all = (what: string): Set<number> => new Set(bpftool<{ id: number }[]>(what, "list").map(({ id }) => id));
  const [programsNow, linksNow] = [all("prog"), all("link")];
  return { programs: programs.filter((id) => programsNow.has(id)), links: links.filter((id) => linksNow.has(id)) };
}

/** True once the kernel has none of these. */
export function gone(objects: KernelObjects): boolean {
  const left = remaining(objects);
  return left.programs.length + left.links.length === 0;
}

/** Ids of the BPF links on one cgroup, by attach type. */
export function cgroupLinks(folder: string): { readonly id: number; readonly type: string; readonly name: string }[] {
  const text = execFileSync("bpftool", ["--json", "cgroup", "show", folder], { encoding: "utf8" }).trim();
  const rows = (text === "" ? [] : JSON.parse(text)) as { id: number; attach_type: string; name: string }[];
  return rows.map(({ id, attach_type, name }) => ({ id, type: attach_type, name }));
}

/** Every process in this cgroup and below it. */
export function processesIn(folder: string): number[] {
  if (!existsSync(folder)) return [];
  const own = readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...own, ...below.flatMap(({ name }) => processesIn(join(folder, name)))];
}

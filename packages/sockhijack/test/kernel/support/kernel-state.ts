/** What sockhijack leaves in the kernel, for comparing before and after. @module */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroup2Path } from "@mitsu/ebpf-ts";
import { placesOf } from "../../../src/places.ts";

/** Names of sockhijack's programs as the kernel cuts them (15 letters). */
const programs = /^(sock_release|getpeername[46]|recvmsg[46]|getsockopt|setsockopt|sendmsg[46]|connect[46]|redirect|verdict|scan)$/;

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

/** Ids of all BPF programs on the machine that carry one of sockhijack's names: those of other daemons too. */
export function programIds(): number[] {
  const listed = JSON.parse(execFileSync("bpftool", ["--json", "prog", "list"], { encoding: "utf8" })) as { id: number; name?: string }[];
  return listed.filter(({ name }) => programs.test(name ?? "")).map(({ id }) => id);
}

/** Ids of all BPF links on the machine whose program carries one of sockhijack's names. */
export function linkIds(): number[] {
  const own = new Set(programIds());
  const listed = JSON.parse(execFileSync("bpftool", ["--json", "link", "list"], { encoding: "utf8" })) as {
    id: number;
    prog_id?: number;
  }[];
  return listed.filter(({ prog_id }) => own.has(prog_id ?? 0)).map(({ id }) => id);
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

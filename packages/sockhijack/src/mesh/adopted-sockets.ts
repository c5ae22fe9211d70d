/** Sockets of a process that was moved: the kernel remembers the cgroup they were made in, so they are named one by one. @module */
import { readdirSync, readlinkSync } from "node:fs";
import type { Kernel } from "../kernel/kernel.ts";

/** Tells the scan that the sockets a process holds now belong to a service. @returns how many there are. */
export function adoptSockets(kernel: Kernel, pid: number, service: number): number {
  const inodes = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return []; // closed while we looked
    }
  });
  for (const inode of inodes) kernel.maps.adopted.set(BigInt(inode), service);
  return inodes.length;
}

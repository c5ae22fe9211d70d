/** What the writer sends and the reader expects: each payload tells its number and is of a size by it. @module */
import { createHash } from "node:crypto";

/** Messages of the load. */
export const loadMessages = 20_000;

/** Bytes of a message: `small` is from 1 B to 1.5 kB, `mixed` up to 200 kB. */
function sizeOf(load: string, index: number): number {
  if (load === "mixed" && index % 500 === 499) return 200_000;
  if (load === "mixed" && index % 50 === 49) return 20_000;
  return [1, 16, 100, 1000, 64, 3, 400, 1500][index % 8]!;
}

const noise = Buffer.concat(Array.from({ length: 7000 }, (_, index) => createHash("sha256").update(String(index)).digest()));

/** The payload of a message; its bytes depend on its number, so that what is lost, doubled or mixed up shows. */
export function payloadOf(load: string, index: number): Buffer {
  const start = (index * 7) % 20_000;
  return noise.subarray(start, start + sizeOf(load, index));
}

/** QoS 0 and 1 in turn. */
export const qosOf = (index: number): 0 | 1 => (index % 2) as 0 | 1;

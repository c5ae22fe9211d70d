/** Quantities as replicad's tables show them: `-` for what is not known. @module */
import { formatDuration } from "@mitsu/cli";
import type { ReplicadReplica } from "@mitsu/ipc";

/** An age in milliseconds: `<0.1 ms`, `0.8 ms`, `120 ms`, `1.50 s`, `2m05s`. */
export function ageText(ms: number | null): string {
  if (ms === null) return "-";
  if (ms < 0.05) return "<0.1 ms";
  return ms < 9.95 ? `${ms.toFixed(1)} ms` : ms < 999.5 ? `${ms.toFixed(0)} ms` : formatDuration(ms * 1e6);
}

/** Milliseconds in three digits, without the unit, which is in the column's header. */
export function msText(ms: number | null): string {
  return ms === null ? "-" : ms.toFixed(ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0);
}

/** A number that is whole most often: requests in flight, a weight. */
export function numberText(value: number | null): string {
  return value === null ? "-" : Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}

/** A share from 0 to 1 in per cent: `0`, `<1`, `35`. */
export function percentText(share: number): string {
  return share > 0 && share < 0.01 ? "<1" : (100 * share).toFixed(0);
}

/** `1 node`, `2 nodes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** How a replica stands, and what part of its share it takes while it is slow-started. */
export function standingText({ standing, ramp }: Pick<ReplicadReplica, "standing" | "ramp">): string {
  return standing === "slow-start" ? `slow-start ${percentText(ramp)} %` : standing;
}

/** Where it runs. */
export function nodeText({ node, here }: Pick<ReplicadReplica, "node" | "here">): string {
  return here ? "here" : (node ?? "?");
}

/** Text from other nodes and files: control characters must not drive the terminal. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, "�");
}

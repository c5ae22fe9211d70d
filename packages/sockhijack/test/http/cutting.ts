/** Cuts what the ends of a connection send into messages. @module */
import { type Message, way } from "./harness.ts";
import type { Random } from "./random.ts";

/** What one end sends before the other's next word. */
export interface Run {
  readonly stream: 0 | 1;
  readonly bytes: Buffer;
}

/** Where a run is cut: nowhere, at a few places, into small pieces, or into what fits a segment. */
function cuts(random: Random, length: number): number[] {
  switch (random.int(5)) {
    case 0:
      return [];
    case 1:
    case 2:
      return Array.from({ length: 1 + random.int(4) }, () => random.int(length)).sort((a, b) => a - b);
    case 3: {
      if (length > 2000) return [];
      const places: number[] = [];
      for (let at = 0; at < length; at += 1 + random.int(40)) places.push(at);
      return places;
    }
    default: {
      const size = random.pick([536, 1448, 4096]);
      return Array.from({ length: Math.floor(length / size) }, (_, index) => (index + 1) * size);
    }
  }
}

/** One run's messages. */
export function cutAt(run: Run, places: readonly number[], how: () => number): Message[] {
  const { stream, bytes } = run;
  const ends = [...places, bytes.length];
  return ends
    .map((end, index) => ({ stream, way: how(), bytes: bytes.subarray(ends[index - 1] ?? 0, end) }))
    .filter((m) => m.bytes.length > 0);
}

/** Cuts at random places; half of the connections keep to one way, in the others each message takes its own. */
export function cut(random: Random, runs: readonly Run[]): Message[] {
  const anyWay = () => random.pick([way.redirected, way.byTcp, way.segments, way.byTcp + way.twice, way.segments + way.twice]);
  const fixed = random.chance(50) ? random.pick([way.redirected, way.redirected, way.byTcp, way.segments]) : undefined;
  const how = () => (fixed ?? anyWay()) + (random.chance(30) ? way.pieces : 0);
  return runs.flatMap((run) => cutAt(run, cuts(random, run.bytes.length), how));
}

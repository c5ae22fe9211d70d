/** Graphs of calls between a few services. @module */
import type { Random } from "./random.ts";

/** Shapes that {@link pairsOf} draws. */
export const shapes = ["tree", "layers", "hub", "random"] as const;
/** One of {@link shapes}. */
export type Shape = (typeof shapes)[number];

/**
 * Who calls whom, each pair once: a tree from service 0, layers that call the next layer, spokes around one or two hubs, or any pairs.
 */
export function pairsOf(shape: Shape, services: number, random: Random): [from: number, to: number][] {
  const others = Array.from({ length: services - 1 }, (_, i) => i + 1);
  switch (shape) {
    case "tree":
      return others.map((to) => [Math.max(0, to - 1 - random.below(Math.min(to, 6))), to]);
    case "layers": {
      const width = 2 + random.below(4);
      return others.flatMap((to): [number, number][] => {
        if (to < width) return [[0, to]];
        const layer = Math.floor(to / width) * width;
        const callers = [...new Set([layer - width + random.below(width), layer - width + random.below(width)])];
        return callers.map((from) => [from, to]);
      });
    }
    case "hub": {
      const hubs = Math.min(services - 1, 1 + random.below(2));
      return others.flatMap((to): [number, number][] => {
        if (to < hubs) return [[0, to]];
        return [
          [random.below(hubs), to],
          ...(random.next() < 0.2 ? ([[to, 1 + random.below(services - 1)]] as [number, number][]) : []),
        ].filter(([from, at]) => from !== at) as [number, number][];
      });
    }
    case "random": {
      const seen = new Set<number>();
      return Array.from({ length: Math.round(services * (0.8 + random.next())) }, (): [number, number] => [
        random.below(services),
        random.below(services),
      ]).filter(([from, to]) => from !== to && !seen.has(from * services + to) && seen.add(from * services + to));
    }
  }
}

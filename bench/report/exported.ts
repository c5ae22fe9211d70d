/** How much of what was traced was also told: modes that export less do less work, and a reader must know. @module */
import { tracingModeNames } from "./names.ts";
import type { Point } from "./points.ts";
import { spansPerRequest } from "./tracing-targets.ts";

/** Below this share a mode is said to leave spans out; the last batch of a measurement may come late. */
const allOfThem = 0.97;

/**
 * One sentence a mode that exported spans, and a warning when they did not export alike.
 *
 * @example
 * ```ts
 * exportRemarks(points); // ["Exported by Envoy pair, traced: every span.", …]
 * ```
 */
export function exportRemarks(points: readonly Point[]): readonly string[] {
  const shares = Object.entries(tracingModeNames).flatMap(([mode, name]) => {
    const of = points.flatMap((p) => p.modes[mode]?.spans ?? []).map(({ median }) => median / spansPerRequest);
    return of.length > 0 ? [{ name, least: Math.min(...of), most: Math.max(...of) }] : [];
  });
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const partial = shares.filter(({ least }) => least < allOfThem);
  return [
    ...shares.map(({ name, least, most }) =>
      least >= allOfThem
        ? `Exported by ${name}: every span.`
        : `Exported by ${name}: ${percent(least)} to ${percent(most)} of its spans, by point.`,
    ),
    ...(partial.length > 0 && partial.length < shares.length
      ? ["These modes did NOT export alike: see spans/req beside each figure, and --otlp-rate, which lifts sockhijack's own limit."]
      : []),
  ];
}

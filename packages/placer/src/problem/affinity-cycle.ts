/** Finds services whose must-affinities lead round in a circle. @module */
import type { FieldPath } from "@mitsu/catalog/document";
import type { Problem } from "./problem.ts";

/** A circle: where its last step is written, and the services in order, the first again at the end. */
export interface AffinityCycle {
  readonly path: FieldPath;
  readonly names: readonly string[];
}

/**
 * Lists a circle for each rule that closes one: a must stand beside b, b beside a. Nobody could be started first, as each waits for another.
 * A service beside itself is none. Iterative, as chains may be long.
 */
export function affinityCycles({ services }: Problem): AffinityCycle[] {
  const indexOf = new Map(services.map(({ name }, index) => [name, index]));
  const rulesOf = (index: number) =>
    services[index]!.affinity.flatMap(({ service, weight }, at) => {
      const other = indexOf.get(service);
      return weight === null && other !== undefined && other !== index ? [{ at, other }] : [];
    });
  const cycles: AffinityCycle[] = [];
  const done = new Set<number>();
  for (const start of services.keys()) {
    if (done.has(start)) continue;
    const way: { index: number; rules: { at: number; other: number }[] }[] = [{ index: start, rules: rulesOf(start) }];
    const onWay = new Map([[start, 0]]);
    while (way.length > 0) {
      const top = way.at(-1)!;
      const rule = top.rules.shift();
      if (!rule) {
        way.pop();
        onWay.delete(top.index);
        done.add(top.index);
        continue;
      }
      const from = onWay.get(rule.other);
      if (from !== undefined) {
        const names = [...way.slice(from).map(({ index }) => services[index]!.name), services[rule.other]!.name];
        cycles.push({ path: ["services", top.index, "affinity", rule.at], names });
      } else if (!done.has(rule.other)) {
        onWay.set(rule.other, way.length);
        way.push({ index: rule.other, rules: rulesOf(rule.other) });
      }
    }
  }
  return cycles;
}

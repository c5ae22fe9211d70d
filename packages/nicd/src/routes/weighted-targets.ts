/** The services that a route's requests are shared out to. @module */
import type { WeightedTarget } from "@mitsu/catalog";

/**
 * Chooses one by weight.
 *
 * @example
 * ```ts
 * new WeightedTargets([{ service: "v1", weight: 90 }, { service: "v2", weight: 10 }]).pick(0.95); // "v2"
 * ```
 */
export class WeightedTargets {
  /** Those that can be chosen. */
  readonly #services: readonly string[];
  /** Sums of the weights up to and with each. */
  readonly #bounds: readonly number[];
  readonly #total: number;

  /** @param targets At least one of them weighs more than 0. */
  constructor(targets: readonly WeightedTarget[]) {
    const weighty = targets.filter(({ weight }) => weight > 0);
    let total = 0;
    this.#services = weighty.map(({ service }) => service);
    this.#bounds = weighty.map(({ weight }) => (total += weight));
    this.#total = total;
  }

  /** @param random From 0, less than 1. */
  pick(random: number): string {
    const services = this.#services;
    const point = random * this.#total;
    let index = 0;
    while (index < services.length - 1 && point >= this.#bounds[index]!) index++;
    return services[index]!;
  }
}

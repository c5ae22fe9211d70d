/** Frontends and their backends, written through the placement. @module */
import { type Balance, fullError } from "@mitsu/hal";
import type { KernelMaps } from "../kernel/kernel.ts";
import type { Tables } from "./tables.ts";

/** nicd's one backend stands under no service's number (`NIC_FRONTEND`). */
const nicKey = { frontend: 0, index: 0 } as const;

/**
 * Remembers which frontends there are, so that those that are no longer wanted go.
 *
 * @example
 * ```ts
 * const frontends = new PlacedFrontends(kernel.maps, work.balance);
 * frontends.sync(tables);
 * ```
 */
export class PlacedFrontends {
  readonly #maps: Pick<KernelMaps, "backends" | "scores">;
  readonly #balance: Balance;
  readonly #held: Set<number>;

  constructor(maps: Pick<KernelMaps, "backends" | "scores">, balance: Balance) {
    this.#maps = maps;
    this.#balance = balance;
    this.#held = new Set([...maps.backends.entries()].map(([{ frontend }]) => frontend));
  }

  /** Weights are those in force: whoever sets another meanwhile has the word until the mesh file changes. */
  sync({ backends }: Pick<Tables, "backends">): void {
    const { backends: map, scores } = this.#maps;
    // Asked here: a placement that looks for more room begins the work anew, and no connect may meet a service without replicas.
    if (backends.length >= map.map.maxEntries) throw fullError("the kernel's table of replicas");
    const wanted = Map.groupBy(backends, ([{ frontend }]) => frontend);
    for (const frontend of this.#held) {
      if (wanted.has(frontend)) continue;
      if (frontend === nicKey.frontend) map.delete(nicKey);
      else this.#balance.set(frontend, []);
      this.#held.delete(frontend);
    }
    for (const [frontend, entries] of wanted) {
      this.#held.add(frontend);
      if (frontend === nicKey.frontend) {
        this.#setNic(entries.at(-1)![1]);
        continue;
      }
      // Without those that no number was left for.
      const ids = new Set(entries.map(([, id]) => id).filter((id) => id !== 0));
      const replicas = [...ids].map((id) => ({ id, weight: scores.get(id)?.weight || 100 }));
      if (!isSame(this.#balance.replicas(frontend), replicas)) this.#balance.set(frontend, replicas);
    }
  }

  #setNic(id: number): void {
    const { backends } = this.#maps;
    if (backends.get(nicKey) !== id) backends.set(nicKey, id);
  }
}

type Replicas = ReturnType<Balance["replicas"]>;

function isSame(held: Replicas, wanted: NonNullable<Replicas>): boolean {
  if (held?.length !== wanted.length) return false;
  return held.every(({ id, weight }, at) => id === wanted[at]!.id && weight === wanted[at]!.weight);
}

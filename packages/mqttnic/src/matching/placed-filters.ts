/**
 * Topic filters matched by whatever device a placement finds: in hardware as many as fit, the others beside them in software.
 *
 * Work on a device of hal is there whole: one filter that the hardware cannot hold would take all others with it into software. So what is beyond the
 * hardware is a second piece of work, and a look-up asks both while there is such a filter.
 * @module
 */
import { type PlacedWork, type Placement, type PlacementReport, type TopicMatch, topicMatch } from "@mitsu/hal";
import { levels } from "../protocol/topic.ts";
import type { FilterIndex } from "./filter-index.ts";

/** Why a filter is not in hardware: it has more levels than fit, or all entries were taken when it came. */
export type BeyondReason = "levels" | "full";

/** Where filters are. */
export interface FilterPlaces {
  readonly filters: number;
  /** Those of the first piece of work, which is in hardware if there is one. */
  readonly placed: number;
  /** Those of the second, which is in software, by reason. */
  readonly beyond: Readonly<Record<BeyondReason, number>>;
  /** Topics that were looked up; a topic whose route is kept is not looked up again. */
  readonly lookups: number;
  readonly report: PlacementReport;
}

interface Held<Leaf> {
  readonly id: number;
  readonly leaf: Leaf;
  beyond: BeyondReason | undefined;
}

/** Entries that are asked for where no hardware says how many it has; software grows. */
const softwareEntries = 1024;

/**
 * The filters. A filter's id is where its leaf stands in a list.
 *
 * @example
 * ```ts
 * const filters = new PlacedFilters<string>(new Placement([device, treeDevice()]));
 * filters.add("sensors/+/state", "panel");
 * filters.match("sensors/7/state", (leaf) => console.log(leaf)); // panel
 * ```
 */
export class PlacedFilters<Leaf> implements FilterIndex<Leaf> {
  readonly #placement: Placement;
  readonly #placed: PlacedWork<TopicMatch>;
  /** Reserved in hardware. */
  readonly #entries: number;
  #beyond: PlacedWork<TopicMatch> | undefined;
  readonly #held = new Map<string, Held<Leaf>>();
  readonly #leaves: (Leaf | undefined)[] = [];
  readonly #free: number[] = [];
  #deep = 0;
  /** Those that found no room, the first that came first. */
  readonly #waiting = new Set<string>();
  #lookups = 0;

  /**
   * @param entries Filters that the hardware has room for; undefined where there is none.
   * @throws {MitsuError} `ERR_HAL_NO_DEVICE` when nothing matches topics at all.
   */
  constructor(placement: Placement, entries?: number) {
    this.#placement = placement;
    this.#entries = entries ?? softwareEntries;
    this.#placed = placement.place("topic filters", { capability: topicMatch, spec: { entries: this.#entries } });
  }

  /** The device that has them, but for those beyond it. */
  get device(): { readonly name: string; readonly kind: "hardware" | "software" } | undefined {
    return this.#placed.device?.identity;
  }

  get places(): FilterPlaces {
    return {
      filters: this.#held.size,
      placed: this.#inFirst,
      beyond: { levels: this.#deep, full: this.#waiting.size },
      lookups: this.#lookups,
      report: this.#placement.report(),
    };
  }

  get(filter: string): Leaf | undefined {
    return this.#held.get(filter)?.leaf;
  }

  add(filter: string, leaf: Leaf): void {
    const id = this.#free.at(-1) ?? this.#leaves.length;
    const beyond = this.#beyondHardware(filter);
    this.#work(beyond).add(spelled(filter), id);
    if (id === this.#leaves.length) this.#leaves.push(leaf);
    else {
      this.#free.pop();
      this.#leaves[id] = leaf;
    }
    if (beyond === "levels") this.#deep++;
    else if (beyond === "full") this.#waiting.add(filter);
    this.#held.set(filter, { id, leaf, beyond });
  }

  remove(filter: string): void {
    const held = this.#held.get(filter);
    if (!held) return;
    this.#work(held.beyond).remove(spelled(filter), held.id);
    this.#held.delete(filter);
    this.#leaves[held.id] = undefined;
    this.#free.push(held.id);
    if (held.beyond === "levels") this.#deep--;
    else if (held.beyond === "full") this.#waiting.delete(filter);
    else this.#takeIn();
    if (this.#beyond && this.#deep + this.#waiting.size === 0) {
      this.#placement.withdraw(this.#beyond);
      this.#beyond = undefined;
    }
  }

  match(topic: string, visit: (leaf: Leaf) => void): void {
    this.#lookups++;
    for (const id of this.#placed.operations.match(topic)) visit(this.#leaves[id]!);
    if (this.#deep + this.#waiting.size === 0) return;
    for (const id of this.#beyond!.operations.match(topic)) visit(this.#leaves[id]!);
  }

  /** Filters of the first piece of work. */
  get #inFirst(): number {
    return this.#held.size - this.#deep - this.#waiting.size;
  }

  #work(beyond: BeyondReason | undefined): TopicMatch {
    if (!beyond) return this.#placed.operations;
    this.#beyond ??= this.#placement.place(
      "topic filters beyond the hardware",
      { capability: topicMatch, spec: { entries: softwareEntries } },
      "software-only",
    );
    return this.#beyond.operations;
  }

  /** Asked before the device is: its refusal would move all filters. */
  #beyondHardware(filter: string): BeyondReason | undefined {
    const { device } = this.#placed;
    if (device?.identity.kind !== "hardware") return undefined;
    const most = device.offers().find(({ capability }) => capability === topicMatch.name)?.limits.levels;
    const deep = levels(filter) - (filter === "#" || filter.endsWith("/#") ? 1 : 0);
    if (most !== undefined && deep > most) return "levels";
    return this.#inFirst >= this.#entries ? "full" : undefined;
  }

  /** A filter that found no room gets that of one that has gone. */
  #takeIn(): void {
    const [filter] = this.#waiting;
    if (filter === undefined) return;
    const held = this.#held.get(filter)!;
    this.#placed.operations.add(spelled(filter), held.id);
    this.#beyond!.operations.remove(spelled(filter), held.id);
    held.beyond = undefined;
    this.#waiting.delete(filter);
  }
}

/** A filter whose own first level is `$share` (a client asked for `$share/<group>/$share/…`) is no group's here: it is told as the filter of a group of one. */
function spelled(filter: string): string {
  return filter.startsWith("$share/") ? `$share/-/${filter}` : filter;
}

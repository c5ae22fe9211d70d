/**
 * Topic filters matched by whatever device a placement finds: in hardware as many as fit, the others beside them in software.
 *
 * Work on a device of hal is there whole: one filter that the hardware cannot hold would take all others with it into software. So what is not in the
 * hardware is a second piece of work, and a look-up asks both while there is such a filter. New filters wait there too when many come at once: hardware
 * takes some time for each, which messages are not to wait for.
 * @module
 */
import { type PlacedWork, type Placement, type TopicMatch, topicMatch } from "@mitsu/hal";
import type { MqttnicMatching } from "@mitsu/ipc";
import { levels } from "../protocol/topic.ts";
import type { FilterIndex } from "./filter-index.ts";

/** Where filters are, of {@link MqttnicMatching}. */
export type FilterPlaces = Omit<MqttnicMatching, "dataPlane" | "retained">;

/** What the hardware may take of the event loop for new filters. */
export interface InstallPace {
  /** So many milliseconds */
  readonly installMs: number;
  /** in each so many. */
  readonly everyMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: () => number;
}

interface Held<Leaf> {
  readonly id: number;
  readonly leaf: Leaf;
  where: "placed" | "levels" | "waiting";
}

/** Entries that are asked for where no hardware says how many it has; software grows. */
const softwareEntries = 1024;
const usualPace: InstallPace = { installMs: 5, everyMs: 20, nowMs: () => performance.now() };

/**
 * The filters. A filter's id is where its leaf stands in a list.
 *
 * @example
 * ```ts
 * const filters = new PlacedFilters<string>(new Placement([device, treeDevice()]), 4096);
 * filters.add("sensors/+/state", "panel");
 * filters.match("sensors/7/state", (leaf) => console.log(leaf)); // panel
 * ```
 */
export class PlacedFilters<Leaf> implements FilterIndex<Leaf> {
  readonly #placement: Placement;
  readonly #placed: PlacedWork<TopicMatch>;
  /** Reserved in hardware. */
  readonly #entries: number;
  readonly #pace: InstallPace;
  #beside: PlacedWork<TopicMatch> | undefined;
  readonly #held = new Map<string, Held<Leaf>>();
  readonly #leaves: (Leaf | undefined)[] = [];
  readonly #free: number[] = [];
  #deep = 0;
  /** Those that go into hardware when it has room and time, the first that came first. */
  readonly #waiting = new Set<string>();
  #lookups = 0;
  #from = Number.NEGATIVE_INFINITY;
  #spentMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param entries Filters that the hardware has room for; undefined where there is none.
   * @throws {MitsuError} `ERR_HAL_NO_DEVICE` when nothing matches topics at all.
   */
  constructor(placement: Placement, entries?: number, pace: InstallPace = usualPace) {
    this.#placement = placement;
    this.#entries = entries ?? softwareEntries;
    this.#pace = pace;
    this.#placed = placement.place("topic filters", { capability: topicMatch, spec: { entries: this.#entries } });
  }

  /** The device that has them, but for those beside it. */
  get device(): { readonly name: string; readonly kind: "hardware" | "software" } | undefined {
    return this.#placed.device?.identity;
  }

  get places(): FilterPlaces {
    const waiting = this.#waiting.size;
    const isFull = this.#inFirst >= this.#entries;
    return {
      filters: this.#held.size,
      placed: this.#inFirst,
      beside: { levels: this.#deep, full: isFull ? waiting : 0, new: isFull ? 0 : waiting },
      lookups: this.#lookups,
      placement: this.#placement.report(),
    };
  }

  get(filter: string): Leaf | undefined {
    return this.#held.get(filter)?.leaf;
  }

  add(filter: string, leaf: Leaf): void {
    const id = this.#free.at(-1) ?? this.#leaves.length;
    const where = this.#whereTo(filter);
    if (where === "placed") this.#timed(() => this.#placed.operations.add(spelled(filter), id));
    else this.#besides().add(spelled(filter), id);
    if (id === this.#leaves.length) this.#leaves.push(leaf);
    else {
      this.#free.pop();
      this.#leaves[id] = leaf;
    }
    this.#held.set(filter, { id, leaf, where });
    if (where === "levels") this.#deep++;
    else if (where === "waiting") this.#waiting.add(filter);
    this.#schedule();
  }

  remove(filter: string): void {
    const held = this.#held.get(filter);
    if (!held) return;
    (held.where === "placed" ? this.#placed : this.#beside!).operations.remove(spelled(filter), held.id);
    this.#held.delete(filter);
    this.#leaves[held.id] = undefined;
    this.#free.push(held.id);
    if (held.where === "levels") this.#deep--;
    this.#waiting.delete(filter);
    this.#endBeside();
    this.#schedule();
  }

  match(topic: string, visit: (leaf: Leaf) => void): void {
    this.#lookups++;
    for (const id of this.#placed.operations.match(topic)) visit(this.#leaves[id]!);
    if (this.#beside) for (const id of this.#beside.operations.match(topic)) visit(this.#leaves[id]!);
  }

  /** Nothing moves by itself any more. */
  close(): void {
    clearTimeout(this.#timer);
  }

  /** Filters of the first piece of work. */
  get #inFirst(): number {
    return this.#held.size - this.#deep - this.#waiting.size;
  }

  get #hasTime(): boolean {
    const now = this.#pace.nowMs();
    if (now - this.#from >= this.#pace.everyMs) {
      this.#from = now;
      this.#spentMs = 0;
    }
    return this.#spentMs < this.#pace.installMs;
  }

  /** Asked before the device is: its refusal would move all filters. */
  #whereTo(filter: string): Held<Leaf>["where"] {
    const { device } = this.#placed;
    if (device?.identity.kind !== "hardware") return "placed";
    const most = device.offers().find(({ capability }) => capability === topicMatch.name)?.limits.levels;
    const deep = levels(filter) - (filter === "#" || filter.endsWith("/#") ? 1 : 0);
    if (most !== undefined && deep > most) return "levels";
    return this.#waiting.size > 0 || this.#inFirst >= this.#entries || !this.#hasTime ? "waiting" : "placed";
  }

  #timed(install: () => void): void {
    const start = this.#pace.nowMs();
    install();
    this.#spentMs += this.#pace.nowMs() - start;
  }

  #besides(): TopicMatch {
    this.#beside ??= this.#placement.place(
      "topic filters beside them",
      { capability: topicMatch, spec: { entries: softwareEntries } },
      "software-only",
    );
    return this.#beside.operations;
  }

  #endBeside(): void {
    if (!this.#beside || this.#deep + this.#waiting.size > 0) return;
    this.#placement.withdraw(this.#beside);
    this.#beside = undefined;
  }

  #schedule(): void {
    if (this.#timer || this.#waiting.size === 0 || this.#inFirst >= this.#entries) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#takeIn();
      },
      Math.max(1, this.#from + this.#pace.everyMs - this.#pace.nowMs()),
    );
    // It is not what keeps a process alive.
    this.#timer.unref();
  }

  /** Filters that waited, while there are room and time. */
  #takeIn(): void {
    for (const filter of this.#waiting) {
      if (this.#inFirst >= this.#entries || !this.#hasTime) break;
      const held = this.#held.get(filter)!;
      this.#timed(() => this.#placed.operations.add(spelled(filter), held.id));
      this.#beside!.operations.remove(spelled(filter), held.id);
      held.where = "placed";
      this.#waiting.delete(filter);
    }
    this.#endBeside();
    this.#schedule();
  }
}

/** A filter whose own first level is `$share` (a client asked for `$share/<group>/$share/…`) is no group's here: it is told as the filter of a group of one. */
function spelled(filter: string): string {
  return filter.startsWith("$share/") ? `$share/-/${filter}` : filter;
}

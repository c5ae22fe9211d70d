/** Levels as rtl/topic_matcher.sv has them: numbers of a dictionary that the host keeps. @module */
import { MitsuError } from "@mitsu/cli/error";

/** The values of `c_kind`. */
export const levelKind = { exact: 0, plus: 1, hash: 2 } as const;

/** A level of a filter, one beat of an install: `c_kind`, `c_data`. */
export interface FilterLevel {
  readonly kind: (typeof levelKind)[keyof typeof levelKind];
  readonly id: number;
}

/** A topic as the matcher takes it. */
export interface TopicLevels {
  /** One beat of `s_data` each. */
  readonly ids: readonly number[];
  /** `s_dollar` of the first beat. */
  readonly dollar: boolean;
}

/**
 * Ids of the levels that installed filters name. Two levels that differ never have the same id, so that matching is exact.
 *
 * An id goes to another level once {@link LevelDictionary.release} let its last filter go: translate no topic before a release that enters the matcher
 * after it.
 *
 * @example
 * ```ts
 * const levels = new LevelDictionary(16);
 * levels.filter("sport/+"); // [{ kind: 0, id: 1 }, { kind: 1, id: 0 }]
 * levels.topic("sport/tennis"); // { ids: [1, 0], dollar: false }
 * ```
 */
export class LevelDictionary {
  readonly #most: number;
  readonly #ids = new Map<string, { id: number; uses: number }>();
  readonly #free: number[] = [];
  #next = 1;

  /** @param idBits The parameter `ID_W` of the matcher. */
  constructor(idBits: number) {
    this.#most = 2 ** idBits - 1;
  }

  /** Levels that have an id. */
  get size(): number {
    return this.#ids.size;
  }

  /**
   * The levels of a valid filter, without `$share/<group>/`; their ids are held until {@link LevelDictionary.release}.
   *
   * @throws {MitsuError} `ERR_RTL_LEVELS` when no ids are left; nothing is held then.
   */
  filter(filter: string): FilterLevel[] {
    const levels = filter.split("/");
    const fresh = new Set(levels.filter((level) => level !== "+" && level !== "#" && !this.#ids.has(level))).size;
    if (this.#ids.size + fresh > this.#most)
      throw new MitsuError(`the topic matcher has no id left for a level of ${filter}`, {
        code: "ERR_RTL_LEVELS",
        hint: "remove filters, or match this one in software",
      });
    return levels.map((level) => {
      if (level === "+") return { kind: levelKind.plus, id: 0 };
      if (level === "#") return { kind: levelKind.hash, id: 0 };
      return { kind: levelKind.exact, id: this.#hold(level) };
    });
  }

  /** Lets go of what {@link LevelDictionary.filter} held, after the filter was removed from the matcher. */
  release(filter: string): void {
    for (const level of filter.split("/")) {
      const held = this.#ids.get(level);
      if (level === "+" || level === "#" || !held || --held.uses > 0) continue;
      this.#ids.delete(level);
      this.#free.push(held.id);
    }
  }

  /** The levels of a topic; 0 for what no filter names. */
  topic(topic: string): TopicLevels {
    return { ids: topic.split("/").map((level) => this.#ids.get(level)?.id ?? 0), dollar: topic.startsWith("$") };
  }

  #hold(level: string): number {
    let held = this.#ids.get(level);
    if (!held) {
      held = { id: this.#free.pop() ?? this.#next++, uses: 0 };
      this.#ids.set(level, held);
    }
    held.uses++;
    return held.id;
  }
}

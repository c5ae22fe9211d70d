/** Twin of rtl/topic_matcher.sv, and its judge: another method, a regular expression for each filter. [MQTT 5.0 §4.7] @module */

/** What is installed with a filter, and put out when it matches. */
export interface TopicEntry {
  /** The subscriber, or the group that shares the filter. */
  readonly id: number;
  /** Whether `id` is a group's. */
  readonly shared: boolean;
}

/**
 * The regular expression of a valid filter, without `$share/<group>/`.
 *
 * @example
 * ```ts
 * topicPattern("sport/+/#").test("sport/tennis"); // true
 * ```
 */
export function topicPattern(filter: string): RegExp {
  const open = filter === "#" || filter.endsWith("/#");
  const named = filter === "#" ? [] : (open ? filter.slice(0, -2) : filter).split("/");
  const levels = named.map((level) => (level === "+" ? "[^/]*" : level.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")));
  // `$` is for the server's own topics, which a wildcard in the first place does not match [MQTT-4.7.2-1]; `#` stands for the level above too.
  const guard = /^[+#]/.test(filter) ? "(?!\\$)" : "";
  const rest = open ? (levels.length ? "(?:/[^]*)?" : "[^]*") : "";
  return new RegExp(`^${guard}${levels.join("/")}${rest}$`, "u");
}

/**
 * Filters in slots, as the RTL has them.
 *
 * @example
 * ```ts
 * const matcher = new TopicMatcherTwin();
 * matcher.install(3, "sport/+", { id: 7, shared: false });
 * matcher.match("sport/tennis"); // [{ id: 7, shared: false }]
 * ```
 */
export class TopicMatcherTwin {
  readonly #slots = new Map<number, { pattern: RegExp; entry: TopicEntry }>();

  install(slot: number, filter: string, entry: TopicEntry): void {
    this.#slots.set(slot, { pattern: topicPattern(filter), entry });
  }

  remove(slot: number): void {
    this.#slots.delete(slot);
  }

  /** The entries of all filters that match, by rising slot. */
  match(topic: string): TopicEntry[] {
    return [...this.#slots]
      .filter(([, { pattern }]) => pattern.test(topic))
      .sort(([slot], [other]) => slot - other)
      .map(([, { entry }]) => entry);
  }
}

/** Topic filters as a driver has to know them before its hardware does. [MQTT 5.0 §4.7.1, §4.8.2] @module */

/** A valid filter. */
export interface ParsedTopicFilter {
  /** Without `$share/<group>/`. */
  readonly plain: string;
  readonly shared: boolean;
  /** Of the plain filter, without a `#`. */
  readonly levels: number;
}

/**
 * Takes a filter apart.
 *
 * @throws {RangeError} saying what is wrong with it.
 * @example
 * ```ts
 * parseTopicFilter("$share/g/a/#"); // { plain: "a/#", shared: true, levels: 1 }
 * ```
 */
export function parseTopicFilter(filter: string): ParsedTopicFilter {
  const wrong = (why: string): RangeError => new RangeError(`${JSON.stringify(filter)} is not a topic filter: ${why}`);
  const shared = filter.startsWith("$share/");
  const groupEnd = shared ? filter.indexOf("/", 7) : -1;
  if (shared && groupEnd < 8) throw wrong("a share has a name and a filter");
  if (shared && /[+#]/.test(filter.slice(7, groupEnd))) throw wrong("a share's name has no + and no #");
  const plain = filter.slice(groupEnd + 1);
  if (plain === "") throw wrong("it is empty");
  if (plain.includes("\0")) throw wrong("it has U+0000");
  const levels = plain.split("/");
  const last = levels.length - 1;
  for (const [at, level] of levels.entries()) {
    if (level.includes("#") && (level !== "#" || at !== last)) throw wrong("# is the last level, alone");
    if (level.includes("+") && level !== "+") throw wrong("+ is a level of its own");
  }
  return { plain, shared, levels: levels[last] === "#" ? last : levels.length };
}

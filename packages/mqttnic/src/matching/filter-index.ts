/** Where topic filters are kept and found by topics, whatever finds them. [MQTT 5.0 §4.7] @module */

/** Filters, each with what hangs at it. They are whole and valid; `$share/<group>/` is taken off by the caller. */
export interface FilterIndex<Leaf> {
  /** What hangs at a filter. */
  get(filter: string): Leaf | undefined;
  /** Hangs it there; the filter is not there yet. */
  add(filter: string, leaf: Leaf): void;
  remove(filter: string): void;
  /** Visits what hangs at each filter that matches. */
  match(topic: string, visit: (leaf: Leaf) => void): void;
}

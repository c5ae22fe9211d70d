/** The states to be expanded: least f first, of these the greatest g. @module */

/**
 * A binary heap of (f, g, node).
 *
 * @example
 * ```ts
 * const open = new OpenList();
 * open.push(10, 3, 7);
 * open.leastF; // 10
 * open.pop(); // 7
 * ```
 */
export class OpenList {
  #keys = new Float64Array(1024);
  #nodes = new Uint32Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Levels of the heap: what a push or a pop walks. */
  get levels(): number {
    return 32 - Math.clz32(this.#size);
  }

  /** Infinity when there is none. */
  get leastF(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : Math.ceil(this.#keys[0]! / 2 ** 24);
  }

  /** The g that the first was pushed with. */
  get leastG(): number {
    return this.leastF * 2 ** 24 - this.#keys[0]!;
  }

  /** The first node. */
  get first(): number {
    return this.#nodes[0]!;
  }

  /**
   * @param f Up to 2²⁸.
   * @param g Below 2²⁴.
   */
  push(f: number, g: number, node: number): void {
    if (this.#size === this.#keys.length) this.#grow();
    const key = f * 2 ** 24 - g;
    const [keys, nodes] = [this.#keys, this.#nodes];
    let at = this.#size++;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (keys[up]! <= key) break;
      keys[at] = keys[up]!;
      nodes[at] = nodes[up]!;
      at = up;
    }
    keys[at] = key;
    nodes[at] = node;
  }

  /** The first node, taken out; there must be one. */
  pop(): number {
    const [keys, nodes] = [this.#keys, this.#nodes];
    const first = nodes[0]!;
    const size = --this.#size;
    const [key, node] = [keys[size]!, nodes[size]!];
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= size) break;
      if (down + 1 < size && keys[down + 1]! < keys[down]!) down++;
      if (keys[down]! >= key) break;
      keys[at] = keys[down]!;
      nodes[at] = nodes[down]!;
      at = down;
    }
    keys[at] = key;
    nodes[at] = node;
    return first;
  }

  #grow(): void {
    const [keys, nodes] = [new Float64Array(this.#keys.length * 2), new Uint32Array(this.#nodes.length * 2)];
    keys.set(this.#keys);
    nodes.set(this.#nodes);
    this.#keys = keys;
    this.#nodes = nodes;
  }
}

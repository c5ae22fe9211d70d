/** Which node has something due next: a binary heap in which each node's time can change. @module */

/** Nodes 0 to n − 1, each with a time; Infinity unless told. */
export class NextNode {
  readonly #times: Float64Array;
  /** Heap of nodes, and where each node is in it. */
  readonly #heap: Int32Array;
  readonly #place: Int32Array;

  constructor(nodes: number) {
    this.#times = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.#heap = Int32Array.from({ length: nodes }, (_, node) => node);
    this.#place = this.#heap.slice();
  }

  get node(): number {
    return this.#heap[0]!;
  }

  get time(): number {
    return this.#times[this.#heap[0]!]!;
  }

  set(node: number, time: number): void {
    const before = this.#times[node]!;
    this.#times[node] = time;
    if (time < before) this.#up(this.#place[node]!);
    else if (time > before) this.#down(this.#place[node]!);
  }

  #up(from: number): void {
    const node = this.#heap[from]!;
    const time = this.#times[node]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = this.#heap[parent]!;
      if (this.#times[other]! <= time) break;
      this.#heap[at] = other;
      this.#place[other] = at;
      at = parent;
    }
    this.#heap[at] = node;
    this.#place[node] = at;
  }

  #down(from: number): void {
    const node = this.#heap[from]!;
    const time = this.#times[node]!;
    const size = this.#heap.length;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#times[this.#heap[child + 1]!]! < this.#times[this.#heap[child]!]!) child++;
      const other = this.#heap[child]!;
      if (this.#times[other]! >= time) break;
      this.#heap[at] = other;
      this.#place[other] = at;
      at = child;
    }
    this.#heap[at] = node;
    this.#place[node] = at;
  }
}

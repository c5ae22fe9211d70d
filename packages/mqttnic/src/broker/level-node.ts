/** A node of a tree by topic levels. @module */

/** Levels come again and again (`state`): kept once. Bounded, as ids are levels too. */
const levels = new Map<string, string>();
const mostLevels = 4096;

function kept(level: string): string {
  const known = levels.get(level);
  if (known !== undefined) return known;
  if (levels.size < mostLevels) levels.set(level, level);
  return level;
}

/**
 * Children by their level. Most nodes of a big tree have one child (`site/7/state`): it is kept without a map, which would take five times as much
 * memory as the node itself.
 */
export abstract class LevelNode<N extends LevelNode<N>> {
  #onlyLevel: string | undefined;
  #only: N | undefined;
  #children: Map<string, N> | undefined;

  get childCount(): number {
    return this.#children?.size ?? (this.#only ? 1 : 0);
  }

  child(level: string): N | undefined {
    if (this.#children) return this.#children.get(level);
    return level === this.#onlyLevel ? this.#only : undefined;
  }

  addChild(name: string, child: N): void {
    const level = kept(name);
    if (this.#children) this.#children.set(level, child);
    else if (this.#only === undefined) {
      this.#onlyLevel = level;
      this.#only = child;
    } else {
      this.#children = new Map([
        [this.#onlyLevel!, this.#only],
        [level, child],
      ]);
      this.#onlyLevel = undefined;
      this.#only = undefined;
    }
  }

  removeChild(level: string): void {
    this.#children?.delete(level);
    if (level !== this.#onlyLevel) return;
    this.#onlyLevel = undefined;
    this.#only = undefined;
  }

  /** In the order in which they came. */
  children(): Iterable<readonly [level: string, child: N]> {
    return this.#children ?? (this.#only ? [[this.#onlyLevel!, this.#only]] : []);
  }
}

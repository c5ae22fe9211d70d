/** Where keys lie in rtl/exact_match.sv: the host hashes as the device does, and moves keys out of the way (cuckoo hashing). @module */

/** Sizes of a table. */
export interface ExactShape {
  /** A power of two. */
  readonly rows: number;
  readonly ways: number;
  readonly keyBits: number;
}

/** A key that changes its way, or a new one. */
export interface ExactMove<Key> {
  readonly key: Key;
  readonly from: number | undefined;
  readonly to: number;
}

/** Rows that are looked at for one key before it counts as homeless: with 4 ways 7/8 full, a few dozen are enough. */
const mostRows = 2000;

/**
 * The places of a table, each with what the host keeps of its key.
 *
 * Toeplitz hashing is linear, so a key's hash is the XOR of what its bytes hash to: that is looked up.
 *
 * @example
 * ```ts
 * const places = new ExactPlaces<Row>({ rows: 4096, ways: 4, keyBits: 128 }, seed);
 * for (const { key, from, to } of places.plan(row) ?? []) …; // install key in way `to`, then remove it from `from`, in this order
 * ```
 */
export class ExactPlaces<Row extends { readonly key: bigint }> {
  readonly #shape: ExactShape;
  /** `[byte of the key × 256 + value] × ways`: rows. */
  readonly #hashes: Uint16Array;
  /** By way × rows + row. */
  readonly #at: (Row | undefined)[];

  /** @param seed As the device has it. */
  constructor(shape: ExactShape, seed: bigint) {
    this.#shape = shape;
    const { rows, ways, keyBits } = shape;
    const rowBits = Math.log2(rows);
    this.#at = new Array<Row | undefined>(ways * rows);
    this.#hashes = new Uint16Array(Math.ceil(keyBits / 8) * 256 * ways);
    for (let bit = 0; bit < keyBits; bit++)
      for (let way = 0; way < ways; way++) {
        const hash = Number(BigInt.asUintN(rowBits, seed >> BigInt(bit + way * rowBits)));
        const [low, first] = [1 << (bit & 7), (bit >> 3) * 256];
        for (let value = low; value < 256; value++) if (value & low) this.#hashes[(first + value) * ways + way]! ^= hash;
      }
  }

  /** Adds a key: the moves that make room for it, in the order in which no lookup misses any, and its own last. Undefined when there is no room, and nothing changes. */
  plan(row: Row): readonly ExactMove<Row>[] | undefined {
    const { rows } = this.#shape;
    const queue: { readonly row: Row; readonly place: number; readonly parent: number }[] = [];
    const seen = new Set<number>();
    const visit = (mover: Row, parent: number): void => {
      for (const place of this.#placesOf(mover.key)) {
        if (seen.has(place)) continue;
        seen.add(place);
        queue.push({ row: mover, place, parent });
      }
    };
    visit(row, -1);
    for (let at = 0; at < Math.min(queue.length, mostRows); at++) {
      const occupant = this.#at[queue[at]!.place];
      if (occupant !== undefined) {
        visit(occupant, at);
        continue;
      }
      // The last of the way moves first: into the empty row.
      const moves: ExactMove<Row>[] = [];
      for (let step = at; step >= 0; step = queue[step]!.parent) {
        const { row: mover, place, parent } = queue[step]!;
        this.#at[place] = mover;
        const from = parent < 0 ? undefined : Math.floor(queue[parent]!.place / rows);
        moves.push({ key: mover, from, to: Math.floor(place / rows) });
      }
      return moves;
    }
    return undefined;
  }

  /** The way that has a key; undefined for none. */
  wayOf(row: Row): number | undefined {
    const place = this.#placesOf(row.key).find((one) => this.#at[one] === row);
    return place === undefined ? undefined : Math.floor(place / this.#shape.rows);
  }

  /** Takes a key out. */
  remove(row: Row): void {
    for (const place of this.#placesOf(row.key)) if (this.#at[place] === row) this.#at[place] = undefined;
  }

  #placesOf(key: bigint): readonly number[] {
    const { rows, ways } = this.#shape;
    const places = Array.from({ length: ways }, () => 0);
    for (let word = 0, rest = key; rest !== 0n; word += 4, rest >>= 32n) {
      const low = Number(rest & 0xffff_ffffn);
      for (let byte = 0; byte < 4; byte++) {
        const first = ((word + byte) * 256 + ((low >>> (byte * 8)) & 0xff)) * ways;
        for (let way = 0; way < ways; way++) places[way]! ^= this.#hashes[first + way]!;
      }
    }
    return places.map((row, way) => way * rows + row);
  }
}

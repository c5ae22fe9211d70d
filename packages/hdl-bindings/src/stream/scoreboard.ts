/** What should come out against what does, in order. @module */
import type { Beat, Value } from "../model/value.ts";

function hex(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  if (value instanceof Uint32Array)
    return `0x${[...value]
      .reverse()
      .map((word) => word.toString(16).padStart(8, "0"))
      .join("_")}`;
  return `0x${value.toString(16)}`;
}

/** The first field in which two beats differ; a field that `expected` does not name is not compared. */
function difference(expected: Beat, actual: Beat): string | undefined {
  return Object.keys(expected).find((field) => hex(expected[field]) !== hex(actual[field]));
}

/**
 * Takes expected and actual beats, each in order but at any time, and throws at the first that differ.
 *
 * @example
 * ```ts
 * const board = new Scoreboard("toeplitz");
 * board.expect({ data: 0x51ccc178 });
 * board.actual(...model.stream(ports, beats).beats);
 * board.end();
 * ```
 */
export class Scoreboard {
  readonly #name: string;
  readonly #expected: Beat[] = [];
  readonly #actual: Beat[] = [];
  #compared = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Beats that were compared and agree. */
  get compared(): number {
    return this.#compared;
  }

  /** @throws {Error} when a beat that came already differs. */
  expect(...beats: readonly Beat[]): void {
    for (const beat of beats) this.#expected.push(beat);
    this.#compare();
  }

  /** @throws {Error} when a beat differs from what is expected: its number, field and both values. */
  actual(...beats: readonly Beat[]): void {
    for (const beat of beats) this.#actual.push(beat);
    this.#compare();
  }

  /** @throws {Error} when beats are missing, or there are more than expected. */
  end(): void {
    const [expected, actual] = [this.#expected.length, this.#actual.length];
    if (expected !== actual) throw new Error(`${this.#name}: ${expected} beats expected, ${actual} came`);
  }

  #compare(): void {
    for (; this.#compared < Math.min(this.#expected.length, this.#actual.length); this.#compared++) {
      const [expected, actual] = [this.#expected[this.#compared]!, this.#actual[this.#compared]!];
      const field = difference(expected, actual);
      if (field === undefined) continue;
      throw new Error(`${this.#name}, beat ${this.#compared}: ${field} is ${hex(actual[field])}, expected ${hex(expected[field])}`);
    }
  }
}

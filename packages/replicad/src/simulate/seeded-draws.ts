/** Random numbers of a run that depend on its seed and what they are for only, so that every selector meets the very same requests. @module */
import { Draws, golden, mix } from "@mitsu/simulation";

/** What a number is drawn for; each place has numbers of its own. */
export const place = {
  arrival: 1,
  burst: 2,
  client: 3,
  demand: 4,
  select: 5,
  out: 6,
  back: 7,
  speed: 8,
  phase: 9,
  probe: 10,
  sticky: 11,
} as const;

/** Draws of one run. */
export class SeededDraws extends Draws {
  readonly #seed: number;

  constructor(seed: number) {
    super();
    this.#seed = mix(seed ^ golden);
  }

  /** Begins at a number (of a request, a server, a period) and a {@link place}. */
  override at(number: number, where: number): this {
    return super.at(mix(number ^ this.#seed), where);
  }
}

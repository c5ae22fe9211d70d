/** Axes: from values to pixels, with ticks at round numbers. @module */

/** A scale of one axis. */
export interface Scale {
  /** Pixels of a value. */
  readonly at: (value: number) => number;
  /** Round values within the axis. */
  readonly ticks: readonly number[];
}

/**
 * A linear scale whose ends are ticks: multiples of 1, 2 or 5 times a power of ten.
 *
 * @param count About how many ticks there should be.
 * @example
 * ```ts
 * linearScale(0, 97, 0, 500, 5).ticks; // [0, 20, 40, 60, 80, 100]
 * ```
 */
export function linearScale(least: number, most: number, from: number, to: number, count: number): Scale {
  const span = most > least ? most - least : Math.abs(most) || 1;
  const rough = span / Math.max(1, count);
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * decade).find((one) => one >= rough * (1 - 1e-9))!;
  const first = Math.floor(least / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil((most > least ? most : least + span) / step - 1e-9));
  // A product with few digits has rounding of its own: 3 × 0.1.
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  return { at: (value) => from + ((value - low) / (high - low)) * (to - from), ticks };
}

/**
 * A logarithmic scale, a little wider than its values; ticks at 1, 2 and 5 of every decade, or at decades alone when there are many.
 *
 * @param least Above 0.
 */
export function logScale(least: number, most: number, from: number, to: number): Scale {
  const [low, high] = [Math.log(least / 1.15), Math.log(Math.max(most, least) * 1.15)];
  const steps = (high - low) / Math.LN10 > 4 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(low / Math.LN10); power <= high / Math.LN10; power++)
    for (const step of steps) {
      const tick = Number(`${step}e${power}`);
      if (Math.log(tick) >= low && Math.log(tick) <= high) ticks.push(tick);
    }
  return { at: (value) => from + ((Math.log(value) - low) / (high - low)) * (to - from), ticks };
}

/** A capacity as a row that HiGHS' tolerances cannot bend. @module */
import type { Mip, Term } from "./mip.ts";

/** Whole numbers above this are no longer told apart within the tolerance. */
const most = 1e7;

/**
 * Adds Σ coefficient · x ≤ limit for integers x. Where the coefficients have a common measure (millicores, MiB), the row is in whole numbers of it, and exact;
 * else it is relative to the limit, holds to 10⁻⁹, and leaves `margin` of it free.
 */
export function capacityRow(mip: Mip, terms: readonly Term[], limit: number, margin: number): void {
  const used = terms.filter(([, coefficient]) => coefficient > 0);
  if (used.length === 0) {
    if (limit < 0) mip.row([], { upper: -1 });
    return;
  }
  const measure = commonMeasure(used.map(([, coefficient]) => coefficient));
  if (measure !== null) {
    const whole = Math.floor(limit / measure);
    // A large row is told in units near one; half a measure more than the limit is the same to integers.
    const unit = whole > 1e4 ? whole : 1;
    mip.row(
      used.map(([column, coefficient]) => [column, Math.round(coefficient / measure) / unit]),
      { upper: (whole + (unit > 1 ? 0.5 : 0)) / unit },
    );
    return;
  }
  const unit = limit > 0 ? limit : 1;
  mip.row(
    used.map(([column, coefficient]) => [column, coefficient / unit]),
    { upper: (limit / unit) * (1 - margin) },
  );
}

/** The largest number of which all are whole multiples, to rounding; null where there is none that is not too small. */
function commonMeasure(numbers: readonly number[]): number | null {
  const largest = Math.max(...numbers);
  let measure = largest;
  for (const number of numbers) {
    let [a, b] = [measure, number];
    while (b > largest / most) {
      const rest = a % b;
      // A rest just below the divisor is a rounded zero too.
      [a, b] = [b, Math.min(rest, b - rest)];
    }
    measure = a;
  }
  if (measure < largest / most) return null;
  // The Euclidean steps gather rounding; the multiple of the largest does not.
  measure = largest / Math.round(largest / measure);
  const isMultiple = (number: number): boolean => {
    const times = Math.round(number / measure);
    return times > 0 && Math.abs(number / measure - times) <= 1e-14 * times;
  };
  return numbers.every(isMultiple) ? measure : null;
}

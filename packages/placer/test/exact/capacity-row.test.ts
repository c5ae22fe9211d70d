import test from "ava";
import { capacityRow } from "../../src/exact/capacity-row.ts";
import { Mip, type MipArrays } from "../../src/exact/mip.ts";

function rowOf(coefficients: readonly number[], limit: number, margin = 0): MipArrays {
  const mip = new Mip();
  capacityRow(
    mip,
    coefficients.map((coefficient) => [mip.column(), coefficient]),
    limit,
    margin,
  );
  return mip.arrays();
}

test("capacityRow() counts in whole multiples of the common measure", (t) => {
  const millicores = rowOf([0.1, 0.25, 1.5], 4);
  t.deepEqual([...millicores.values], [2, 5, 30]);
  t.is(millicores.rowUpper[0], 80);
  t.is(rowOf([1, 2], 3.99).rowUpper[0], 3);
  t.is(rowOf([0.1, 0.3], 0.3 * (1 + 1e-12)).rowUpper[0], 3);
});

test("capacityRow() of many small parts is near one, and half a part above the limit", (t) => {
  const { values, rowUpper } = rowOf([2 ** 20, 3 * 2 ** 20], 2 ** 40);
  t.is(values[0], 2 ** -20);
  t.is(rowUpper[0], 1 + 2 ** -21);
});

test("capacityRow() without a common measure is relative to the limit, less the margin", (t) => {
  const { values, rowUpper } = rowOf([Math.SQRT2, Math.PI], 8, 1e-7);
  t.deepEqual([...values], [Math.SQRT2 / 8, Math.PI / 8]);
  t.is(rowUpper[0], 1 - 1e-7);
});

test("capacityRow() of nothing is kept unless the limit is below zero", (t) => {
  t.is(rowOf([0, 0], 1).rowUpper.length, 0);
  t.deepEqual([...rowOf([0], -1).rowUpper], [-1]);
});

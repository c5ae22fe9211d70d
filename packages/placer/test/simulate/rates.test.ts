import test from "ava";
import { parseRates } from "../../src/simulate/rates.ts";

test("parseRates() reads one rate, a list and a range, ascending", (t) => {
  t.deepEqual(parseRates("500"), [500]);
  t.deepEqual(parseRates("400, 100,200,100"), [100, 200, 400]);
  t.deepEqual(parseRates("100..1000:300"), [100, 400, 700, 1000]);
  t.deepEqual(
    parseRates("0.5..0.7:0.1").map((rate) => rate.toFixed(1)),
    ["0.5", "0.6", "0.7"],
  );
  t.is(parseRates("100..1000").length, 10);
  t.deepEqual(parseRates("100..100"), [100]);
});

test("parseRates() refuses what is no rate above 0, a range that runs backwards, and too many", (t) => {
  for (const text of ["", "0", "-5", "fast", "1e3", "100..50:10", "1..9:0", "1..2000000:1", "100,,200", "Infinity", "NaN"])
    t.throws(() => parseRates(text), { code: "ERR_RATE" }, text);
});

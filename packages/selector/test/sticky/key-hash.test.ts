import test from "ava";
import { keyHash } from "../../src/sticky/key-hash.ts";

test("keyHash() spreads keys that differ in one digit evenly", (t) => {
  const counts = new Int32Array(64);
  for (let nth = 0; nth < 64_000; nth++) counts[keyHash(`session-${nth}`) % 64]!++;
  // χ² with 63 degrees of freedom is over 113 once in ten thousand times.
  const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  t.true(chiSquare < 113, String(chiSquare));
});

test("keyHash() gives the same in every release: other programs must agree", (t) => {
  t.deepEqual([keyHash(""), keyHash("cart-17"), keyHash("ключ")], [3770332432, 2979074822, 2541253261]);
});

test("keyHash() with different seeds gives unrelated hashes", (t) => {
  let same = 0;
  for (let nth = 0; nth < 10_000; nth++) if (keyHash(`key-${nth}`, 1) % 16 === keyHash(`key-${nth}`, 2) % 16) same++;
  t.true(Math.abs(same - 625) < 125, String(same));
});

import test from "ava";
import { kubernetesQuantity } from "../../src/import/kubernetes-quantity.ts";

for (const [text, value] of [
  ["500m", 0.5],
  ["1.5Gi", 1610612736],
  ["1e3", 1000],
  ["1E3", 1000],
  ["5E", 5e18],
  ["2Ei", 2 * 2 ** 60],
  ["128974848", 128974848],
  ["129e6", 129e6],
  ["129M", 129e6],
  ["123Mi", 128974848],
  ["100k", 100_000],
  ["100n", 1e-7],
  ["3u", 3e-6],
  [".5", 0.5],
  ["5.", 5],
  ["+1", 1],
  ["0", 0],
  [2, 2],
  ["-1", undefined],
  ["1.5.0", undefined],
  ["1K", undefined],
  ["1 Gi", undefined],
  ["1KB", undefined],
  ["", undefined],
  ["Gi", undefined],
  ["1e", undefined],
  [Number.NaN, undefined],
  [true, undefined],
] as const) {
  test(`kubernetesQuantity() of ${JSON.stringify(text)}${typeof text === "number" ? ` (${text})` : ""} is ${value}`, (t) => {
    t.is(kubernetesQuantity(text), value);
  });
}

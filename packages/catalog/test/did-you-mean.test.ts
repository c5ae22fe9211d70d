import test from "ava";
import { didYouMean } from "../src/did-you-mean.ts";

const words = ["ports", "address", "cgroup", "replicas", "intercept", "redirect"];
for (const [word, expected] of [
  ["prots", "ports"],
  ["port", "ports"],
  ["adress", "address"],
  ["Replica", "replicas"],
  ["redirekt", "redirect"],
  ["xyz", undefined],
  ["a", undefined],
  ["", undefined],
] as const) {
  test(`didYouMean("${word}") is ${expected}`, (t) => {
    t.is(didYouMean(word, words), expected);
  });
}

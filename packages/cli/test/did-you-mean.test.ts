import test from "ava";
import { didYouMean } from "../src/did-you-mean.ts";

const words = ["status", "flows", "policy check", "--timeout-ms"];

test("didYouMean() finds swapped, missing, surplus and wrong letters", (t) => {
  t.is(didYouMean("flwos", words), "flows");
  t.is(didYouMean("stats", words), "status");
  t.is(didYouMean("flowss", words), "flows");
  t.is(didYouMean("--timout-ms", words), "--timeout-ms");
});

test("didYouMean() takes a prefix of three letters", (t) => {
  t.is(didYouMean("pol", words), "policy check");
});

test("didYouMean() stays silent when nothing is near", (t) => {
  t.is(didYouMean("xyzzy", words), undefined);
  t.is(didYouMean("", words), undefined);
});

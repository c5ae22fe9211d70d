/** A body part costs no more than its own bytes: its exchange goes with the next small collection. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { bodyAction } from "@mitsu/proxy-wasm";
import test from "ava";
import { BodyPart } from "../../src/wasm/body-part.ts";

test("a part that is over is not kept by anything until a full collection", (t) => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: { type: "minor" }) => void;
  const piece = Buffer.from("piece");
  const sink = { data() {}, trailers() {} };
  const round = (): void => {
    for (let index = 0; index < 2000; index++) {
      const exchange = new Array<number>(500).fill(1.5); // 4 kB, which the owner holds on to
      const owner = { exchange, onBody: () => bodyAction.continue, onTrailers: () => true, onTooLong() {}, onRoom() {} };
      const part = new BodyPart(owner, "response", sink, 1000);
      part.data(piece, true);
      part.end();
    }
    gc({ type: "minor" });
    gc({ type: "minor" });
  };
  round();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 3; index++) round();
  const grown = process.memoryUsage().heapUsed - before;
  t.true(grown < 4e6, `${grown} bytes of 24 MB are still there`);
});

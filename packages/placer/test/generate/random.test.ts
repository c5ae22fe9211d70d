import test from "ava";
import { createRandom } from "../../src/generate/random.ts";

test("createRandom() of a seed never changes either, as problems are named by it", (t) => {
  const random = createRandom(1);
  t.deepEqual(
    Array.from({ length: 4 }, () => random.below(1000)),
    [563, 332, 819, 808],
  );
});

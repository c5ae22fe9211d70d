import test from "ava";
import { EventHeap } from "../src/event-heap.ts";
import { Random } from "../src/random.ts";

test("EventHeap gives numbers in the order of their times, past its first size, with each time before it", (t) => {
  const [heap, random] = [new EventHeap(), new Random(1)];
  const times = Array.from({ length: 5000 }, () => random.fraction());
  for (const [i, time] of times.entries()) heap.push(time, i);
  const order = Array.from({ length: 5000 }, () => heap.pop());
  t.deepEqual(
    order,
    [...times.keys()].toSorted((a, b) => times[a]! - times[b]!),
  );
  t.is(heap.firstTime, Number.POSITIVE_INFINITY);
});

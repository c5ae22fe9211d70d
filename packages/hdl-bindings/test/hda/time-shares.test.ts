import test from "ava";
import { TimeShares } from "../../src/hda/time-shares.ts";

test("TimeShares adds up the time of each way, from idle", (t) => {
  let now = 100;
  const shares = new TimeShares(() => now);
  for (const [way, at] of [
    ["busy", 103],
    ["stalled", 110],
    ["busy", 111],
    ["busy", 113],
    ["idle", 114],
  ] as const) {
    now = at;
    shares.become(way);
  }
  t.deepEqual(shares.milliseconds, { idle: 3, busy: 10, stalled: 1 });
});

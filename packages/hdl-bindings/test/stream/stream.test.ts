import test from "ava";
import { always, cyclesAgree, everyPattern, randomPattern, Scoreboard, streamsAgree } from "../../src/stream/mod.ts";
import { compiled, hasWasm } from "../fixture.ts";

const live = hasWasm ? test : test.skip;
const ports = { source: "s", sink: "m" } as const;
const beats = Array.from({ length: 500 }, (_, at) => ({
  data: (BigInt(at) * 0x1_0000_0003n) % (1n << 40n),
  keep: at & 31,
  last: at % 7 === 6 ? 1 : 0,
}));

test("randomPattern() is the same for a seed, near its share, and never leaves every cycle out", (t) => {
  t.deepEqual(randomPattern(3, 0.5), randomPattern(3, 0.5));
  t.notDeepEqual(randomPattern(3, 0.5), randomPattern(4, 0.5));
  const left = randomPattern(1, 0.25, 4096).reduce((sum, one) => sum + one, 0);
  t.true(left > 900 && left < 1150, String(left));
  t.true(randomPattern(1, 0.9999, 16).includes(0));
  t.throws(() => randomPattern(1, 0.5, 1000), { instanceOf: RangeError });
  t.deepEqual([...always], [0]);
  t.deepEqual([...everyPattern(3)], [0, 1, 1, 1]);
  t.throws(() => everyPattern(2), { instanceOf: RangeError });
});

test("Scoreboard names the first beat and field that differ, and what is missing", (t) => {
  const board = new Scoreboard("x");
  board.expect({ data: 1 }, { data: 0x20n });
  board.actual({ data: 1, last: 0 });
  t.throws(() => board.end(), { message: "x: 2 beats expected, 1 came" });
  t.throws(() => board.actual({ data: 0x21n }), { message: "x, beat 1: data is 0x21, expected 0x20" });
  t.is(board.compared, 1);
});

live("Model.stream(): a register slice gives all beats in order, under idle and back-pressure, at one beat a cycle", async (t) => {
  const open = await compiled("slice");
  const model = open();
  streamsAgree(t, { model, ports, beats, twin: (sent) => sent, seed: 5 });
  model.reset();
  const { cycles, accepted, words } = model.stream(ports, beats);
  t.is(accepted, 500);
  t.is(words.length, 500 * 4);
  t.is(cycles, 501, "latency 1, then one beat a cycle");
  model.reset();
  t.is(model.stream(ports, beats, { frames: 3 }).beats.length, 21);
  model.reset();
  t.throws(() => model.stream(ports, beats, { receive: 501, maxCycles: 2000 }), {
    code: "ERR_HDL_STALL",
    message: /500 of 500 .* 500 of 501/,
  });
  t.throws(() => model.stream(ports, [{ keep: 32 }]), { instanceOf: RangeError, message: /slice\.s_keep has 5 bits/ });
  t.throws(() => model.stream({ source: "x" }, []), { instanceOf: TypeError, message: /x_valid/ });
  // Memory grows under a long stream, and the ports are read from where it is then.
  model.reset();
  t.is(model.stream(ports, new Uint32Array(4 * 300_000).fill(1)).accepted, 300_000);
  model.set("s_keep", 3);
  t.is(model.get("s_keep"), 3);

  // The same slice, cycle by cycle, against a twin that is a queue of two.
  const fresh = open();
  let queue: { data: number; last: number }[] = [];
  const [valid, ready] = [randomPattern(11, 0.4), randomPattern(12, 0.4)];
  const inputs = Array.from({ length: 1000 }, (_, at) => ({
    rst: at === 0 ? 1 : 0,
    s_valid: valid[at]!,
    s_data: at,
    s_last: at & 1,
    m_ready: ready[at]!,
  }));
  cyclesAgree(t, fresh, inputs, (one) => {
    const took = queue.length < 2 && one.s_valid === 1;
    if (one.m_ready === 1) queue = queue.slice(1);
    if (took) queue.push({ data: one.s_data as number, last: one.s_last as number });
    if (one.rst === 1) queue = [];
    const [first] = queue;
    return {
      m_valid: first ? 1 : 0,
      s_ready: queue.length < 2 ? 1 : 0,
      ...(first ? { m_data: BigInt(first.data), m_last: first.last } : {}),
    };
  });
});

import { compiled } from "../fixture.ts";
import { rtlTest } from "../rtl-test.ts";

const live = { needs: ["verilator", "wasm"] } as const;
const ones = (bits: number) => (1n << BigInt(bits)) - 1n;

rtlTest("a model of some hundred ports: every width comes back inverted, and the name of a port is in its RangeError", live, async (t) => {
  const model = (await compiled("many_ports", { parameters: { K: "-5" } }))();
  model.reset();
  t.is(model.get("k"), 0xffff_fffb);
  model.set("wide", (0xabcn << 180n) | 5n);
  model.set("full__64", 0x0123_4567_89ab_cdefn);
  model.set("just_33", 1n << 32n);
  model.set("half", 0x8000);
  model.set("packed_array", 0x0102_0304);
  for (let bit = 0; bit < 50; bit++) model.set(`in_${bit}`, bit < 32 ? 2 ** bit : 1n << BigInt(bit));
  model.step();
  t.is(model.get("full__64_q"), 0xfedc_ba98_7654_3210n);
  t.is(model.get("just_33_q"), ones(32));
  t.is(model.get("half_q"), 0x7fff);
  t.is(model.get("packed_array_q"), 0xfefd_fcfb);
  t.deepEqual(model.get("wide_q"), Uint32Array.of(0xffff_fffa, ...Array(4).fill(0xffff_ffff), 0x543f_ffff, 0xff));
  for (let bit = 0; bit < 50; bit++) t.is(BigInt(model.get(`out_${bit}`) as number | bigint), ones(bit), `out_${bit}`);
  for (const [port, value] of [
    ["step", 2],
    ["step", -1],
    ["step", 0.5],
    ["in_30", 2 ** 31],
    ["just_33", 1n << 33n],
    ["full__64", -1n],
    ["wide", 1n << 200n],
    ["wide", new Uint32Array(6)],
    ["wide", Uint32Array.of(0, 0, 0, 0, 0, 0, 0x100)],
  ] as const) {
    t.throws(() => model.set(port, value), {
      instanceOf: RangeError,
      message: new RegExp(`^many_ports\\.${port} has \\d+ bits?, it cannot be`),
    });
  }
  t.throws(() => model.set("wide_q", 0n), { message: /is an output/ });
  t.throws(() => model.get("nothing"), { message: /no port nothing/ });
  model.close();
});

rtlTest("a model that looks at its falling edge gets one, and $fatal is an error with file and line", live, async (t) => {
  const model = (await compiled("both_edges"))();
  model.reset(2);
  model.set("enable", 1);
  model.step(10);
  t.deepEqual([model.get("rising"), model.get("falling"), model.get("gated"), model.get("level"), model.cycle], [10, 10, 10, 1, 12]);
  t.throws(() => model.step(1000), { code: "ERR_HDL_SIMULATION", message: /both_edges\.sv:\d+/ });
  t.throws(() => model.step(-1), { instanceOf: RangeError });
  t.throws(() => model.step(2 ** 32), { instanceOf: RangeError });
});

rtlTest("a combinational model: settle() is enough, it has no clock and no reset", { ...live, long: true }, async (t) => {
  const model = (await compiled("adder64"))();
  for (const [a, b] of [
    [1n, 2n],
    [ones(64), 1n],
    [ones(64), ones(64)],
  ] as const) {
    model.set("a", a);
    model.set("b", b);
    model.settle();
    t.is((BigInt(model.get("carry") as number) << 64n) | (model.get("sum") as bigint), a + b);
  }
  t.throws(() => model.reset(), { instanceOf: TypeError });
});

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { classOf } from "../../src/gen/build-models.ts";
import { className, classSource } from "../../src/gen/class-source.ts";
import { needsFallingEdge } from "../../src/gen/glue.ts";
import { layoutOf, reservedNames } from "../../src/gen/layout.ts";
import { stamped, stampOf } from "../../src/gen/stamp.ts";
import { Model } from "../../src/model/mod.ts";
import type { Port } from "../../src/verilator/ports.ts";
import { rtlTest } from "../rtl-test.ts";

const port = (name: string, width = 1, direction: Port["direction"] = "input"): Port => ({ name, direction, width, signed: false });

test("layoutOf() puts inputs first, aligns 64 bits, and leaves the clock out", (t) => {
  const layout = layoutOf({
    module: "m",
    parameters: {},
    ports: [port("clk"), port("q", 40, "output"), port("rst"), port("data", 64), port("wide", 200), port("done", 1, "output")],
  });
  t.is(layout.clock, "clk");
  t.deepEqual(layout.reset, { name: "rst", activeLow: false });
  t.deepEqual(
    layout.fields.map(({ name, offset, kind, words }) => [name, offset, kind, words]),
    [
      ["rst", 0, "number", 1],
      ["data", 8, "bigint", 2],
      ["wide", 16, "words", 7],
      ["q", 48, "bigint", 2],
      ["done", 56, "number", 1],
    ],
  );
  t.deepEqual([layout.inputBytes, layout.outputBytes], [48, 16]);
});

test("layoutOf() finds resets by name, active low ones too, and refuses a clock that is none", (t) => {
  const of = (names: readonly string[], options = {}) =>
    layoutOf({ module: "m", parameters: {}, ports: names.map((name) => port(name)) }, options);
  t.deepEqual(of(["aclk", "aresetn"]).reset, { name: "aresetn", activeLow: true });
  t.deepEqual(of(["mclk", "hold"], { clock: "mclk", reset: "hold" }).reset, { name: "hold", activeLow: false });
  t.is(of(["a"]).clock, undefined);
  t.throws(() => of(["a"], { clock: "b" }), { code: "ERR_HDL_PORT", message: /no input b of one bit/ });
});

test("reservedNames has every member of Model: a port of such a name gets another accessor", (t) => {
  for (const name of Object.getOwnPropertyNames(Model.prototype)) t.true(reservedNames.has(name), name);
  const { fields } = layoutOf({ module: "m", parameters: {}, ports: [port("step"), port("constructor")] });
  t.deepEqual(
    fields.map(({ accessor }) => accessor),
    ["step_", "constructor_"],
  );
});

test("classSource() is the same text for the same layout", (t) => {
  t.is(className("topic_matcher"), "TopicMatcher");
  t.is(className("_8b10b"), "M8b10b");
  const layout = layoutOf({ module: "m", parameters: {}, ports: [port("clk"), port("a", 33)] });
  const make = () => classSource(layout, { source: "m.sv", runtime: "x", parameters: { W: "1" } });
  t.is(make(), make());
  t.regex(make(), /from m\.sv with W=1; do not edit/);
  t.regex(make(), /value > 0x1ffffffffn/);
});

test("needsFallingEdge() is false only where all mentions of the clock are rising edges", (t) => {
  const rising =
    "vlSelf->__VactTriggered.at(0U) = ((IData)(vlSelf->clk) \n   & (~ (IData)(vlSelf->__Vtrigrprev__TOP__clk)));\nvlSelf->__Vtrigrprev__TOP__clk = vlSelf->clk;";
  t.false(needsFallingEdge([rising], "clk"));
  t.true(needsFallingEdge([rising, "vlSelf->c = vlSelf->clk;"], "clk"));
  t.true(needsFallingEdge([rising, "(~ (IData)(vlSelf->clk)) & (IData)(vlSelf->__Vtrigrprev__TOP__clk)"], "clk"));
  t.true(needsFallingEdge(["vlSymsp->TOP.clk"], "clk"));
});

test("stampOf() reads what stamped() added, and the module stays valid", (t) => {
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const hash = "0123456789abcdef".repeat(4);
  t.is(stampOf(stamped(empty, hash)), hash);
  t.is(stampOf(empty), undefined);
  const { WebAssembly } = globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } };
  t.true(WebAssembly.validate(stamped(empty, hash)));
});

const models = join(import.meta.dirname, "../../models");
rtlTest("models/*.ts are what the generator writes now", { needs: ["verilator"] }, async (t) => {
  const names = (await readdir(models)).filter((name) => name.endsWith(".ts"));
  t.true(names.length > 0);
  for (const name of names) {
    t.is(await readFile(join(models, name), "utf8"), await classOf(name.slice(0, -3)), `${name}: renew it by scripts/build-rtl --write`);
  }
});

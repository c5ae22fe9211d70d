/** How a cycle of a Verilated model is evaluated. */
import test from "ava";
import { evaluationOf } from "../../src/gen/glue.ts";

const head = (part: string): string => `void Vmodel___024root___eval_${part}(Vmodel___024root* vlSelf) {
    if (false && vlSelf) {}  // Prevent unused
    Vmodel__Syms* const __restrict vlSymsp VL_ATTR_UNUSED = vlSelf->vlSymsp;
    VL_DEBUG_IF(VL_DBG_MSGF("+    Vmodel___024root___eval_${part}\\n"); );
`;
const rising =
  "vlSelf->__VactTriggered.at(0U) = ((IData)(vlSelf->clk) \n & (~ (IData)(vlSelf->__Vtrigrprev__TOP__clk)));\nvlSelf->__Vtrigrprev__TOP__clk = vlSelf->clk;\n";
const act = `${head("act")}}\n`;
const ico = `${head("ico")}    // Body\n    if (vlSelf->__VicoTriggered.at(0U)) {}\n}\n`;
const nba = `${head("nba")}    // Body\n    if (vlSelf->__VnbaTriggered.at(0U)) {}\n}\n`;

test("evaluationOf() runs the edge's code itself only where the clock's rising edge is the only event", (t) => {
  const of = (...sources: readonly string[]) => evaluationOf(sources, "clk");
  t.is(of(rising, act, ico, nba), "direct");
  t.is(
    of(rising, ico, nba, act.replace("}\n", "    // Body\n    vlSelf->gated = 1;\n}\n")),
    "one-edge",
    "something is done between events",
  );
  t.is(of(rising, act, ico, nba, "vlSelf->__VactTriggered.at(1U) = vlSelf->q & ~vlSelf->q_before;"), "one-edge", "a clock made inside");
  t.is(of(rising, act, ico, nba, "if (__VpreTriggered.at(0U)) {}"), "one-edge", "something is done before");
  t.is(of(rising, act, nba), "one-edge", "nothing depends on inputs");
  t.is(of(rising, act, ico, nba, "vlSelf->data = vlSelf->clk;"), "both-edges");
});

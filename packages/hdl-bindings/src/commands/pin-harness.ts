/** Registers around a module, so that a device with too few pins for its ports can be used to estimate its clock. @module */
import { layoutOf } from "../gen/layout.ts";
import type { Interface } from "../verilator/ports.ts";

/** Name of the harness' module. */
export const harnessName = "hdl_pin_harness";

/**
 * Writes a module of five pins: inputs come from a shift register, outputs are loaded into another. Every path of the module then lies between
 * registers; a path to an output has one multiplexer more.
 *
 * @returns `undefined` for a module without a clock.
 */
export function pinHarness(found: Interface, parameters: Readonly<Record<string, string>>): string | undefined {
  const { clock, fields } = layoutOf(found);
  if (clock === undefined) return undefined;
  const widths = { input: 0, output: 0 };
  const connections = fields.map(({ name, direction, width }) => {
    const low = widths[direction];
    widths[direction] += width;
    return `.${name}(${direction === "input" ? "given" : "made"}[${low + width - 1}:${low}])`;
  });
  const set = Object.entries(parameters).map(([name, value]) => `.${name}(${value})`);
  return `module ${harnessName}(input clk, input in, input load, output reg out);
  reg [${Math.max(1, widths.input)}:0] given;
  wire [${Math.max(1, widths.output)}:0] made;
  reg [${Math.max(1, widths.output)}:0] taken;
  always @(posedge clk) begin
    given <= {given, in};
    taken <= load ? made : {taken, 1'b0};
    out <= taken[${Math.max(1, widths.output) - 1}];
  end
  ${found.module} ${set.length ? `#(${set.join(", ")}) ` : ""}dut(.${clock}(clk), ${connections.join(", ")});
endmodule
`;
}

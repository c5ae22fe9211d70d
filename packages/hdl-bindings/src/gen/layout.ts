/** Where each port lies in the packed I/O block that the model and JavaScript share. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Field, Layout } from "../model/layout.ts";
import type { Interface, Port } from "../verilator/ports.ts";

/** Which ports are the clock and the reset, where their names do not say it. */
export interface LayoutOptions {
  readonly clock?: string | undefined;
  /** Active high, unless the name ends in `n` or `_ni`. */
  readonly reset?: string | undefined;
}

/** Names that a generated class has from `Model`, or that every object has. */
export const reservedNames: ReadonlySet<string> = new Set([
  ...["constructor", "toString", "valueOf", "toLocaleString", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "__proto__"],
  ...[
    "cycle",
    "step",
    "reset",
    "settle",
    "batch",
    "stream",
    "close",
    "layout",
    "io32",
    "io64",
    "ioStep",
    "ioCycle",
    "outOfRange",
    "setWide",
  ],
]);

const clockNames = ["clk", "clk_i", "i_clk", "clock", "clock_i", "i_clock", "aclk", "clk_in"];
const resetNames = ["rst", "rst_i", "i_rst", "reset", "reset_i", "i_reset", "rst_in", "srst"];
const lowResetNames = ["rst_n", "rst_ni", "i_rst_n", "rstn", "reset_n", "resetn", "aresetn", "areset_n", "nreset", "nrst"];

function pick(ports: readonly Port[], asked: string | undefined, known: readonly string[], what: string): string | undefined {
  const inputs = ports.filter(({ direction, width }) => direction === "input" && width === 1).map(({ name }) => name);
  if (asked === undefined) return known.find((name) => inputs.includes(name));
  if (inputs.includes(asked)) return asked;
  throw new MitsuError(`no input ${asked} of one bit, to be the ${what}`, {
    code: "ERR_HDL_PORT",
    hint: `the inputs of one bit are: ${inputs.join(", ")}`,
    exit: exitStatus.usage,
  });
}

function place(ports: readonly Port[], start: number): { fields: Field[]; end: number } {
  let end = start;
  const fields = ports.map((port): Field => {
    const kind = port.width <= 32 ? "number" : port.width <= 64 ? "bigint" : "words";
    const offset = kind === "bigint" ? (end + 7) & ~7 : end;
    const words = Math.ceil(port.width / 32);
    end = offset + words * 4;
    return { ...port, accessor: reservedNames.has(port.name) ? `${port.name}_` : port.name, kind, offset, words };
  });
  return { fields, end: (end + 7) & ~7 };
}

/**
 * Lays the ports of a module out.
 *
 * @throws {MitsuError} `ERR_HDL_PORT` when the clock or reset that was asked for is no input of one bit.
 */
export function layoutOf({ module, ports }: Interface, options: LayoutOptions = {}): Layout {
  const clock = pick(ports, options.clock, clockNames, "clock");
  const reset = pick(ports, options.reset, [...resetNames, ...lowResetNames], "reset");
  const inputs = place(
    ports.filter(({ direction, name }) => direction === "input" && name !== clock),
    0,
  );
  const outputs = place(
    ports.filter(({ direction }) => direction === "output"),
    inputs.end,
  );
  return {
    module,
    clock,
    reset: reset === undefined ? undefined : { name: reset, activeLow: lowResetNames.includes(reset) || /n$|_ni$/.test(reset) },
    fields: [...inputs.fields, ...outputs.fields],
    inputBytes: inputs.end,
    outputBytes: outputs.end - inputs.end,
  };
}

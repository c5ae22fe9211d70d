/** hdl-bindings' commands. @module */
import { command, type Options, type Program } from "@mitsu/cli";

/** Which design. */
const designOptions = {
  top: { type: "string", alias: "t", description: "the top module; the one that nothing instantiates unless given" },
  parameter: { type: "array", alias: "G", description: "a parameter of the top module", unit: "NAME=value" },
  include: { type: "array", alias: "I", description: "folder of included files and of modules by name", unit: "path" },
} as const satisfies Options;

/** Which inputs of one bit `step` and `reset` drive. */
const clockOptions = {
  clock: { type: "string", description: "the clock; clk, clock, clk_i, aclk … are found by themselves", unit: "port" },
  reset: { type: "string", description: "the reset; rst, reset, rst_n, aresetn … are found by themselves", unit: "port" },
} as const satisfies Options;

/** The files of a design. */
const filesArgument = {
  name: "files",
  description: "SystemVerilog or Verilog, the top module's first",
  required: true,
  variadic: true,
} as const;

const runOptions = {
  ...designOptions,
  ...clockOptions,
  cycles: { type: "number", alias: "n", description: "rising edges after the reset", default: 100 },
  set: { type: "array", alias: "s", description: "value of an input, held all the time", unit: "port=value" },
} as const satisfies Options;

/** The program `hdl-bindings`. */
export const hdlBindings: Program = {
  name: "hdl-bindings",
  version: "0.1.0",
  summary: "makes SystemVerilog modules into TypeScript classes",
  description:
    "Compiles a module to WebAssembly through Verilator and writes a class whose accessors are its ports, so that whoever uses it needs no compiler. Also checks, runs and synthesises a design.",
  examples: [
    { command: "hdl-bindings gen rtl/counter.sv -o models", does: "models/counter.ts and models/counter.wasm" },
    { command: "hdl-bindings lint rtl/counter.sv", does: "Verilator's messages; exit status 2 when there are any" },
    { command: "hdl-bindings run rtl/counter.sv --set enable=1 --cycles 1000", does: "the ports after 1000 cycles" },
  ],
  options: { json: { type: "boolean", description: "print JSON on stdout, errors as JSON on stderr" } },
  commands: [
    command({
      name: "gen",
      summary: "write a typed class and its model",
      description:
        "Ports up to 32 bits are numbers, up to 64 bigints, wider ones arrays of words. Ports that are unpacked arrays, interfaces or inout are refused: wrap them.",
      examples: [
        { command: "hdl-bindings gen rtl/fifo.sv -o models --parameter DEPTH=16", does: "a parameter of the top module" },
        {
          command: "hdl-bindings gen soc.v -I ip --top soc --clock clk100 -o models --trace",
          does: "third-party Verilog, with a model that can trace",
        },
      ],
      options: {
        ...designOptions,
        ...clockOptions,
        output: { type: "string", alias: "o", description: "folder of the result", required: true, unit: "path" },
        runtime: { type: "string", description: "what the class imports its run time from", default: "@mitsu/hdl-bindings/model" },
        trace: { type: "boolean", description: "a second model that can write a VCD, about a fifth slower" },
        fst: { type: "boolean", description: "with --native: a further model that writes FST" },
        native: { type: "boolean", description: "a shared library for this machine instead of WebAssembly" },
      },
      positionals: [filesArgument],
      load: () => import("./commands/gen.ts"),
    }),
    command({
      name: "lint",
      summary: "check a design with all of Verilator's warnings",
      description: "A warning counts as an error: exit status 2.",
      examples: [{ command: "hdl-bindings lint rtl/counter.sv -G W=8", does: "with a parameter" }],
      options: designOptions,
      positionals: [filesArgument],
      load: () => import("./commands/lint.ts"),
    }),
    command({
      name: "run",
      summary: "run a design for some cycles and print its ports",
      description: "One cycle of reset comes first, where there is one. What $display prints goes to stderr.",
      examples: [{ command: "hdl-bindings run rtl/counter.sv -s enable=1 -n 10", does: "count is 10" }],
      options: runOptions,
      positionals: [filesArgument],
      load: () => import("./commands/run.ts"),
    }),
    command({
      name: "wave",
      summary: "run a design and write its waves",
      description: "A file whose name ends in .fst is FST, all else a VCD.",
      examples: [
        { command: "hdl-bindings wave rtl/counter.sv -s enable=1 -n 20 -o counter.vcd --signal count", does: "a VCD, and count as text" },
      ],
      options: {
        ...runOptions,
        output: { type: "string", alias: "o", description: "the file", default: "wave.vcd", unit: "path" },
        signal: { type: "array", description: "a port to print as text, a column a cycle", unit: "port" },
      },
      positionals: [filesArgument],
      load: () => import("./commands/wave.ts"),
    }),
    command({
      name: "synth",
      summary: "count cells and estimate the clock on an iCE40",
      description: "yosys synthesises for the iCE40, nextpnr places and routes on an HX8K where the design fits.",
      examples: [{ command: "hdl-bindings synth rtl/counter.sv --timing", does: "look-up tables, registers, MHz" }],
      options: { ...designOptions, timing: { type: "boolean", description: "place and route too" } },
      positionals: [filesArgument],
      load: () => import("./commands/synth.ts"),
    }),
  ],
};

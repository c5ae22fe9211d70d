/**
 * Finds small functions without loops: they need no metering of their own, as who calls them can pay in advance.
 *
 * AssemblyScript's and Rust's output is full of them, and metering each would cost more than they do.
 *
 * @module
 */
import type { BinaryModule } from "./binary-module.ts";
import { ByteReader } from "./byte-reader.ts";
import { parameterCount } from "./function-type.ts";
import { hostCallUnits, instructionUnits, unmeteredUnits } from "./instruction-cost.ts";
import { type IndexSpaces, InstructionReader, misc, opcode } from "./instruction-reader.ts";

/** The sizes of a module's index spaces. */
export function indexSpaces(module: BinaryModule): IndexSpaces {
  return { functions: module.functions.length, types: module.types.length, globals: module.globalCount };
}

/** Reads the instructions of one function, by its index among those with bodies. */
export function instructionsOf(module: BinaryModule, body: number, spaces: IndexSpaces): InstructionReader {
  const { start, end } = module.bodies[body]!;
  const index = module.importedFunctions + body;
  const reader = new ByteReader(module.bytes, start, end, `section code, function ${index}`);
  return new InstructionReader(reader, parameterCount(module.functions[index]!), spaces);
}

/** Does the work of an instruction grow with an operand? */
export function isBulk(op: number, extended: number): boolean {
  return (
    op === opcode.memoryGrow ||
    (op === opcode.misc &&
      extended >= misc.memoryInit &&
      extended !== misc.dataDrop &&
      extended !== misc.elementDrop &&
      extended !== misc.tableSize)
  );
}

interface Small {
  readonly function: number;
  readonly units: number;
  readonly calls: readonly number[];
}

/** A function that might go unmetered by itself, or undefined. */
function smallFunction(module: BinaryModule, body: number, spaces: IndexSpaces): Small | undefined {
  const { start, end } = module.bodies[body]!;
  // Structure costs nothing, and constants are up to 11 bytes; anything this long is not small in any case.
  if (end - start > unmeteredUnits * 12) return undefined;
  const instructions = instructionsOf(module, body, spaces);
  const calls: number[] = [];
  let units = 0;
  while (instructions.next()) {
    const { op } = instructions;
    units += instructionUnits[op]!;
    if (op === opcode.loop || op === opcode.callIndirect || op === opcode.returnCallIndirect || isBulk(op, instructions.extended))
      return undefined;
    if (op === opcode.call || op === opcode.returnCall) {
      if (instructions.index < module.importedFunctions) return undefined;
      calls.push(instructions.index);
    }
    if (units > unmeteredUnits) return undefined;
  }
  return { function: module.importedFunctions + body, units, calls };
}

/**
 * What a call of each function costs beside the call itself, by function index: all that an unmetered function can take, the flat price of
 * a host function, and 0 for functions that are metered.
 *
 * A function is unmetered if it has no loop and no bulk operation, calls only unmetered functions, and takes at most {@link unmeteredUnits}, calls included.
 * Recursion is never unmetered, since each round below takes only functions whose callees are known already.
 */
export function calleeUnits(module: BinaryModule): { readonly units: Uint16Array; readonly unmetered: Uint8Array } {
  const spaces = indexSpaces(module);
  const units = new Uint16Array(module.functions.length).fill(hostCallUnits, 0, module.importedFunctions);
  const unmetered = new Uint8Array(module.functions.length);
  let waiting: Small[] = [];
  for (let body = 0; body < module.bodies.length; body++) {
    const small = smallFunction(module, body, spaces);
    if (small !== undefined) waiting.push(small);
  }
  for (;;) {
    const left: Small[] = [];
    for (const small of waiting) {
      if (!small.calls.every((callee) => unmetered[callee])) {
        left.push(small);
        continue;
      }
      const total = small.calls.reduce((sum, callee) => sum + units[callee]!, small.units);
      if (total > unmeteredUnits) continue;
      units[small.function] = total;
      unmetered[small.function] = 1;
    }
    if (left.length === waiting.length) return { units, unmetered };
    waiting = left;
  }
}

/** The plainest metering there is, to judge the real one by: before each instruction, its units. @module */
import { readModule } from "../../src/module/binary-module.ts";
import { hostCallUnits, instructionUnits, unmeteredUnits } from "../../src/module/instruction-cost.ts";
import { opcode } from "../../src/module/instruction-reader.ts";
import { indexSpaces, instructionsOf } from "../../src/module/unmetered-functions.ts";
import { buildModule, type ModuleSpec, s32 } from "./module-builder.ts";

/** The module with one more global, `global1` for a spec with one, that counts what runs. */
export function countEach(spec: ModuleSpec): Uint8Array<ArrayBuffer> {
  const bytes = buildModule(spec);
  const module = readModule(bytes);
  const counter = module.globalCount;
  const functions = spec.functions!.map((one, body) => {
    const instructions = instructionsOf(module, body, indexSpaces(module));
    const code: number[] = [];
    while (instructions.next()) {
      const host = instructions.op === opcode.call && instructions.index < module.importedFunctions ? hostCallUnits : 0;
      // The price of an indirect call holds what it perhaps calls, which is counted by itself here.
      const indirect = instructions.op === opcode.callIndirect ? unmeteredUnits : 0;
      const units = instructionUnits[instructions.op]! + host - indirect;
      if (units > 0) code.push(0x23, counter, 0x41, ...s32(units), 0x6a, 0x24, counter);
      code.push(...bytes.subarray(instructions.start, instructions.end));
    }
    return { ...one, code };
  });
  return buildModule({ ...spec, functions, globals: [...spec.globals!, 0] });
}

/**
 * What instructions cost in units of fuel.
 *
 * A unit is one plain instruction: an addition, a comparison, a read of a local. What takes much longer counts for more. An endless loop, newly compiled,
 * takes 0.1 to 0.6 ns a unit (`test/module/fuel-cost.ts`), so that 2 000 000 units last 0.2 to 1.3 ms and 15 000 000 up to 10 ms. Real filters take less
 * time a unit, as a charge point also pays for some code that is then skipped. The worst are loads all over 32 MiB, which no cache holds: 14 ns a unit;
 * and the first touch of pages that the module began with, once for each machine.
 *
 * @module
 */
import { opcode } from "./instruction-reader.ts";

/** Of a call of the host, without what the host charges itself for its work. */
export const hostCallUnits = 100;
/** The most that a function without loops and without metering of its own may take; who calls it pays. */
export const unmeteredUnits = 48;
/** Of a call through a table: what it calls may be such a function. */
export const indirectCallUnits: number = unmeteredUnits + 8;
/** Of a direct call, beside what the function takes. */
export const callUnits = 4;
/** Of a round of a loop beside its instructions: the engine's look whether it shall stop, and the charge itself. */
export const roundUnits = 4;
/** Of each start of `memory.grow` or `table.grow`, beside what grows: the engine makes a new view or a new array. */
export const growCallUnits = 4000;
/** A page more is 2^12 units: its 16 pages of 4 KiB have to be cleared and mapped at their first use. */
export const growUnitsShift = 12;
/** Each entry of a table that is filled, copied or added is 2^6 units: the engine keeps a second table for calls. */
export const entryUnitsShift = 6;
/** Bulk operations move 2^2 bytes a unit. */
export const bulkUnitsShift = 2;

const costs = new Uint8Array(256).fill(1);
// They mark structure, and nothing is made of them.
for (const op of [opcode.nop, opcode.block, opcode.loop, opcode.else, opcode.end]) costs[op] = 0;
// Loads and stores: the far end of a large memory is not in any cache.
costs.fill(2, 0x28, 0x3f);
// Division and remainder of integers.
for (const op of [0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82]) costs[op] = 8;
// Square root and division of floats.
for (const op of [0x91, 0x95, 0x9f, 0xa3]) costs[op] = 6;
costs[opcode.memoryGrow] = 1;
costs[opcode.call] = callUnits;
costs[opcode.returnCall] = callUnits;
costs[opcode.callIndirect] = indirectCallUnits;
costs[opcode.returnCallIndirect] = indirectCallUnits;
costs[opcode.brTable] = 3;
costs[opcode.misc] = 4;
costs[opcode.simd] = 3;

/** Units of an instruction by its first byte; of a call without what is called. */
export const instructionUnits: Readonly<Uint8Array> = costs;

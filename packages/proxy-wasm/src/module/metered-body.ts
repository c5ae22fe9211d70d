/** Writes a function's body again with its charges put in. @module */
import type { ByteWriter } from "./byte-writer.ts";
import type { FunctionPlan, Stop } from "./charge-points.ts";
import { type InstructionReader, misc, opcode } from "./instruction-reader.ts";

/** Where metering finds what it uses. */
export interface Meter {
  /** Index of the global with the counter. */
  readonly global: number;
  /** Index of the first of the functions that take units for an operand, see {@link chargers}. */
  readonly firstCharger: number;
}

/** Functions of metering's own, in this order: each gets an operand, takes units for it, and gives it back. */
export const chargers = { bytes: 0, pages: 1, entries: 2, newEntries: 3 } as const;

const noResult = 0x40;
const i32 = 0x7f;

/** Which charger an instruction calls before it runs. */
function chargerOf({ op, extended }: Stop): number {
  if (op === opcode.memoryGrow) return chargers.pages;
  if (extended === misc.tableGrow) return chargers.newEntries;
  return extended <= misc.memoryFill ? chargers.bytes : chargers.entries;
}

/**
 * Writes the body with the counter in the global all the time, or in a local while no metered call is under way.
 *
 * In a local it costs a loop one subtraction and a branch that is never taken; the global is written before each call and at each way out,
 * so that whoever runs next goes on from there. A trap of the filter's own leaves the global as it was at the last of them.
 *
 * @param instructions At the end of the body, as planning leaves it.
 */
export function writeMeteredBody(out: ByteWriter, instructions: InstructionReader, plan: FunctionPlan, meter: Meter): void {
  const { bytes } = instructions.reader;
  const local = instructions.localCount;
  const cached = plan.hasLeafLoop;
  const store = () => out.byte(opcode.localGet).u32(local).byte(opcode.globalSet).u32(meter.global);
  const fetch = () => out.byte(opcode.globalGet).u32(meter.global).byte(opcode.localSet).u32(local);
  const charge = (units: number, first: boolean) => {
    if (cached && !first) out.byte(opcode.localGet).u32(local);
    else out.byte(opcode.globalGet).u32(meter.global);
    out
      .byte(opcode.i32Const)
      .s32(Math.min(units, 2 ** 30))
      .byte(opcode.i32Sub, opcode.localTee)
      .u32(local);
    if (!cached) out.byte(opcode.globalSet).u32(meter.global).byte(opcode.localGet).u32(local);
    out.byte(opcode.i32Const, 0, opcode.i32LtS, opcode.if, noResult);
    if (cached) store();
    out.byte(opcode.unreachable, opcode.end);
  };

  let from = writeLocals(out, instructions);
  const copyTo = (to: number) => {
    out.bytes(bytes.subarray(from, to));
    from = to;
  };
  let next = 0;
  const chargeTo = (to: number) => {
    for (; next < plan.points.length && plan.points[next]!.at <= to; next++) {
      const { at, units } = plan.points[next]!;
      copyTo(at);
      charge(units, at === instructions.first);
    }
  };
  if (cached && plan.points[0]?.at !== instructions.first) fetch();
  for (const stop of plan.stops) {
    chargeTo(stop.start);
    if (stop.kind !== "bulk" && !cached) continue;
    copyTo(stop.start);
    if (cached) store();
    if (stop.kind === "bulk") {
      out.byte(opcode.call).u32(meter.firstCharger + chargerOf(stop));
      if (cached) fetch();
    }
    copyTo(stop.end);
    if (cached && stop.kind === "call") fetch();
  }
  copyTo(instructions.reader.end);
}

/** The list of locals with one more at its end, which has the counter. @returns Offset of the first instruction. */
function writeLocals(out: ByteWriter, instructions: InstructionReader): number {
  const { first } = instructions;
  const { list, groups } = instructions.locals;
  out
    .u32(groups + 1)
    .bytes(instructions.reader.bytes.subarray(list, first))
    .byte(1, i32);
  return first;
}

/**
 * Decides where a function pays for its instructions.
 *
 * Code runs in segments without branches. A segment is paid where it begins, or earlier, at a charge point that is always passed before it: without
 * limit if whoever passes the point comes by the segment too, as it then costs neither more nor less, else up to {@link spareUnits} a point, so that
 * nobody pays much in vain.
 * What is charged is thus never less than what runs, and a loop never goes round without paying, as its head is a charge point.
 *
 * @module
 */
import { instructionUnits, roundUnits } from "./instruction-cost.ts";
import { type InstructionReader, opcode } from "./instruction-reader.ts";
import { isBulk } from "./unmetered-functions.ts";

/** Units that a point may charge for segments that are perhaps skipped. */
const spareUnits = 64;

/** A place where fuel goes down. */
export interface ChargePoint {
  /** Offset in the file before which the charge is put. */
  readonly at: number;
  /** Always greater than 0. */
  units: number;
}

/** An instruction before which the counter has to be in the global, or by which units are taken that are known only then. */
export interface Stop {
  readonly start: number;
  readonly end: number;
  /** `call` comes back with another counter, `leave` does not come back, or perhaps not, `bulk` takes as much as the operand on top says. */
  readonly kind: "call" | "leave" | "bulk";
  readonly op: number;
  readonly extended: number;
}

/** See {@link planFunction}. */
export interface FunctionPlan {
  readonly points: readonly ChargePoint[];
  readonly stops: readonly Stop[];
  /** Some loop calls nothing that is metered: worth a counter in a local. */
  readonly hasLeafLoop: boolean;
}

interface Point {
  readonly at: number;
  units: number;
  /** What it may still charge in vain. */
  spare: number;
}

const newPoint = (at: number): Point => ({ at, units: 0, spare: spareUnits });

interface Frame {
  readonly isLoop: boolean;
  /** Where code behind the frame's end may be paid. */
  readonly point: Point;
  /** Does whoever passes the point come by the frame's beginning? */
  readonly certain: boolean;
  /** Index of the outermost frame that a branch in this one goes to; if that is not this one, its end may be passed by. */
  reach: number;
  /** Is something metered called in it? */
  calls: boolean;
}

/**
 * Reads a function to its end.
 *
 * @param units What calls of each function cost, see {@link calleeUnits}.
 * @throws {MitsuError} `ERR_FILTER_MALFORMED` where blocks do not fit together.
 */
export function planFunction(instructions: InstructionReader, units: Uint16Array, unmetered: Uint8Array): FunctionPlan {
  const points: Point[] = [];
  const stops: Stop[] = [];
  let hasLeafLoop = false;
  let point = newPoint(instructions.first);
  points.push(point);
  /** Does whoever passes the point come by here? */
  let certain = true;
  let segment = { at: instructions.first, units: 0 };
  const frames: Frame[] = [];
  const open = (isLoop: boolean) => frames.push({ isLoop, point, certain, reach: frames.length, calls: false });
  open(false);

  /** Pays for the segment that ends here, and begins another. */
  const closeSegment = () => {
    if (segment.units > 0) {
      if (!certain && segment.units > point.spare) {
        point = newPoint(segment.at);
        points.push(point);
        certain = true;
      }
      point.units += segment.units;
      if (!certain) point.spare -= segment.units;
    }
    segment = { at: instructions.end, units: 0 };
  };
  /** Notes where a branch goes. @returns Whether it may leave the function. */
  const branch = (label: number) => {
    const target = frames.length - 1 - label;
    if (target < 0) throw instructions.reader.error(`there is no label ${label}`, instructions.start);
    const top = frames.at(-1)!;
    top.reach = Math.min(top.reach, target);
    return target === 0;
  };
  const closeBranch = () => {
    closeSegment();
    certain = false;
  };
  const stop = (kind: Stop["kind"]) => {
    stops.push({ start: instructions.start, end: instructions.end, kind, op: instructions.op, extended: instructions.extended });
    if (kind !== "leave") frames.at(-1)!.calls = true;
  };

  while (instructions.next()) {
    const { op } = instructions;
    if (frames.length === 0) throw instructions.reader.error("instructions behind the function's end", instructions.start);
    segment.units += instructionUnits[op]!;
    if (op === opcode.call || op === opcode.returnCall) {
      segment.units += units[instructions.index]!;
      if (op === opcode.returnCall) stop("leave");
      else if (!unmetered[instructions.index]) stop("call");
    } else if (op === opcode.callIndirect) stop("call");
    else if (op === opcode.returnCallIndirect) stop("leave");
    else if (isBulk(op, instructions.extended)) stop("bulk");
    else if (op === opcode.block) open(false);
    else if (op === opcode.loop) {
      closeSegment();
      open(true);
      point = newPoint(instructions.end);
      point.units = roundUnits;
      points.push(point);
      certain = true;
    } else if (op === opcode.if) {
      closeSegment();
      open(false);
      certain = false;
    } else if (op === opcode.else) {
      closeSegment();
      point = frames.at(-1)!.point;
      certain = false;
    } else if (op === opcode.end) {
      closeSegment();
      const frame = frames.pop()!;
      if (frames.length === 0) stops.push({ start: instructions.start, end: instructions.end, kind: "leave", op, extended: 0 });
      if (frame.isLoop && !frame.calls) hasLeafLoop = true;
      point = frame.point;
      certain = frame.certain && frame.reach >= frames.length;
      // What is in a frame is in those around it too.
      const around = frames.at(-1);
      if (around) around.reach = Math.min(around.reach, frame.reach);
      if (around && frame.calls) around.calls = true;
    } else if (op === opcode.br || op === opcode.brIf) {
      if (branch(instructions.index)) stop("leave");
      closeBranch();
    } else if (op === opcode.brTable) {
      if (branch(instructions.labels.reduce((most, label) => Math.max(most, label), 0))) stop("leave");
      closeBranch();
    } else if (op === opcode.return) {
      branch(frames.length - 1);
      stop("leave");
      closeBranch();
    }
  }
  if (frames.length > 0) throw instructions.reader.error("the function does not end");
  return { points: points.filter((one) => one.units > 0).sort((one, other) => one.at - other.at), stops, hasLeafLoop };
}

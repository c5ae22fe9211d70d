/** Rules as hash tables, one for each set of parts that rules look at: tuple space search (Srinivasan, Suri, Varghese, SIGCOMM 1999). @module */
import type { Rule } from "./ir.ts";
import { type Condition, type PartKind, ruleRows } from "./rule-rows.ts";

/** A part of a request that some rule looks at. */
export interface Slot {
  readonly kind: PartKind;
  readonly argument: number | string;
  /** Its texts in the rules, each with a number from 1. */
  readonly texts: ReadonlyMap<string, number>;
}

/** All rules that look at the same parts. */
export interface Shape {
  /** Indices of slots, rising. */
  readonly slots: readonly number[];
  /** Each row's numbers in the order of {@link slots}, with the first rule that has it. */
  readonly rows: readonly { readonly numbers: readonly number[]; readonly rule: number }[];
  /** The first of its rules. */
  readonly first: number;
}

/** The space. */
export interface TupleSpace {
  readonly slots: readonly Slot[];
  /** By their first rules. Without conditions there is at most one, of one row. */
  readonly shapes: readonly Shape[];
  /** Rules that no request reaches, as earlier ones have all their rows. */
  readonly unreached: readonly number[];
}

interface GrowingSlot extends Slot {
  readonly texts: Map<string, number>;
}

/** Sorts rules into a space. */
export function tupleSpace(rules: readonly Pick<Rule, "match">[]): TupleSpace {
  const slots: GrowingSlot[] = [];
  const slotIndex = new Map<string, number>();
  const shapes = new Map<string, { slots: number[]; rows: Map<string, { numbers: number[]; rule: number }>; first: number }>();
  const unreached: number[] = [];
  const placed = ({ kind, argument, text }: Condition): { slot: number; number: number } => {
    const id = `${kind} ${argument}`;
    let slot = slotIndex.get(id);
    if (slot === undefined) {
      slot = slots.length;
      slotIndex.set(id, slot);
      slots.push({ kind, argument, texts: new Map() });
    }
    const { texts } = slots[slot]!;
    let number = texts.get(text);
    if (number === undefined) {
      number = texts.size + 1;
      texts.set(text, number);
    }
    return { slot, number };
  };
  for (const [rule, { match }] of rules.entries()) {
    let reached = false;
    for (const row of ruleRows(match)) {
      const parts = row.map(placed).sort((one, other) => one.slot - other.slot);
      const shapeKey = parts.map(({ slot }) => slot).join();
      let shape = shapes.get(shapeKey);
      if (shape === undefined) {
        shape = { slots: parts.map(({ slot }) => slot), rows: new Map(), first: rule };
        shapes.set(shapeKey, shape);
      }
      const numbers = parts.map(({ number }) => number);
      const rowKey = numbers.join();
      if (shape.rows.has(rowKey)) continue;
      shape.rows.set(rowKey, { numbers, rule });
      reached = true;
    }
    if (!reached) unreached.push(rule);
  }
  return { slots, shapes: [...shapes.values()].map(({ rows, ...shape }) => ({ ...shape, rows: [...rows.values()] })), unreached };
}

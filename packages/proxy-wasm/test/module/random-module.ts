/** Random programs that are valid, end, and show all they do in a result, a memory and a count of rounds. @module */
import { type FunctionSpec, type ModuleSpec, s32, u32 } from "./module-builder.ts";

/** Random numbers below a bound, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Locals of each function: two parameters, three of its own, and one counter for each depth of loops. */
const values = 5;
const depths = 4;
/** Global 0 counts the rounds of all loops. */
const countRound = [0x23, 0, 0x41, 1, 0x6a, 0x24, 0];

/** Function 0 is imported, (i32) → i32; functions call later ones only, so that all ends. */
class Generator {
  readonly #random: (below: number) => number;
  readonly #functions: number;
  #index = 0;
  #left = 0;
  #loops = 0;

  constructor(random: (below: number) => number, functions: number) {
    this.#random = random;
    this.#functions = functions;
  }

  function(index: number): FunctionSpec {
    this.#index = index;
    this.#left = 5 + this.#random(60);
    this.#loops = 0;
    const code = [...this.#statements(1), ...this.#expression(2), 0x0b];
    return { type: "ii:i", locals: "i".repeat(values - 2 + depths), code, ...(index === 1 && { export: "run" }) };
  }

  #expression(depth: number): number[] {
    const pick = depth === 0 ? this.#random(2) : this.#random(9);
    const inner = () => this.#expression(depth - 1);
    const address = () => [...inner(), 0x41, ...s32(0xfffc), 0x71];
    if (pick === 0) return [0x20, this.#random(values)];
    if (pick === 1) return [0x41, ...s32(this.#random(2 ** 32) | 0)];
    if (pick <= 4) return [...inner(), ...inner(), [0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x78][this.#random(8)]!];
    if (pick === 5) return [...address(), 0x28, 2, 0];
    if (pick === 6) return [...inner(), ...inner(), ...inner(), 0x1b];
    if (pick === 7) return [...inner(), 0x04, 0x7f, ...inner(), 0x05, ...inner(), 0x0b];
    return this.#call(depth);
  }

  #call(depth: number): number[] {
    const callee = this.#random(4) === 0 ? 0 : this.#index + 1 + this.#random(4);
    const inner = () => this.#expression(Math.min(depth - 1, 1));
    // Deep in loops no calls: the rounds would multiply.
    if (callee > this.#functions || this.#loops > 1) return [0x20, 0];
    if (callee === 0) return [...inner(), 0x10, 0];
    const indirect = this.#random(3) === 0 ? [0x41, ...s32(callee - 1), 0x11, 1, 0] : [0x10, ...u32(callee)];
    return [...inner(), ...inner(), ...indirect];
  }

  /** @param labels How many blocks are around, the function too. */
  #statements(labels: number): number[] {
    const code: number[] = [];
    for (let count = 1 + this.#random(4); count > 0 && this.#left > 0; count--) {
      this.#left--;
      code.push(...this.#statement(labels));
    }
    return code;
  }

  #statement(labels: number): number[] {
    const pick = this.#random(14);
    const block = () => this.#statements(labels + 1);
    if (pick < 4) return [...this.#expression(3), 0x21, this.#random(values)];
    if (pick === 4) return [...this.#expression(1), 0x41, ...s32(0xfffc), 0x71, ...this.#expression(2), 0x36, 2, 0];
    if (pick === 5) return [...this.#expression(2), 0x04, 0x40, ...block(), 0x0b];
    if (pick === 6) return [...this.#expression(2), 0x04, 0x40, ...block(), 0x05, ...block(), 0x0b];
    if (pick === 7) return [0x02, 0x40, ...block(), 0x0b];
    if (pick <= 9 && this.#loops < depths) return this.#loop(labels);
    if (pick === 10) return this.#branch(labels);
    if (pick === 11) {
      const operands = () => [...this.#expression(0), 0x41, ...s32(0x3fff), 0x71];
      return this.#random(2)
        ? [...operands(), ...operands(), ...operands(), 0xfc, 10, 0, 0]
        : [...operands(), ...operands(), ...operands(), 0xfc, 11, 0];
    }
    if (pick === 12) return [0x02, 0x40, ...this.#expression(1), 0x0e, 2, 0, 0, 0, 0x0b];
    return this.#random(6) === 0 ? [...this.#expression(1), 0x04, 0x40, ...this.#expression(1), 0x0f, 0x0b] : [0x01];
  }

  /** Leaves some block early; a loop's label would repeat it without end, so only from a block of its own. */
  #branch(labels: number): number[] {
    if (this.#loops > 0) return [0x02, 0x40, ...this.#expression(1), 0x0d, 0, ...this.#statements(labels + 1), 0x0b];
    const label = this.#random(labels);
    // The function's label wants its result.
    if (label === labels - 1) return [...this.#expression(1), ...this.#expression(1), 0x0d, ...u32(label), 0x1a];
    return [...this.#expression(1), 0x0d, ...u32(label)];
  }

  /** `counter = n; block { loop { count; … ; br_if leave; counter -= 1; br_if again } }`. */
  #loop(labels: number): number[] {
    const counter = values + this.#loops;
    this.#loops++;
    const body = this.#statements(labels + 2);
    this.#loops--;
    const leave = this.#random(3) === 0 ? [...this.#expression(1), 0x45, 0x0d, 1] : [];
    const again = [0x20, counter, 0x41, 1, 0x6b, 0x22, counter, 0x0d, 0];
    const start = [0x41, ...s32(1 + this.#random(5)), 0x21, counter];
    return [...start, 0x02, 0x40, 0x03, 0x40, ...countRound, ...body, ...leave, ...again, 0x0b, 0x0b];
  }
}

/** A program: exports `run` (i32, i32) → i32, `memory` and `global0`; imports `env.h` (i32) → i32. */
export function randomSpec(seed: number): ModuleSpec {
  const random = randomNumbers(seed);
  const count = 1 + random(8);
  const generator = new Generator(random, count);
  return {
    imports: [{ module: "env", name: "h", type: "i:i" }],
    functions: Array.from({ length: count }, (_, index) => generator.function(index + 1)),
    memory: { initial: 1, maximum: 4, export: "memory" },
    table: { initial: count, functions: Array.from({ length: count }, (_, index) => index + 1) },
    globals: [0],
  };
}

/** What simulations and searches have in common: what is due next, durations as distributions, numbers that a seed repeats. @module */
export { childKey, Draws } from "./draws.ts";
export { EventHeap } from "./event-heap.ts";
export { type Law, meanOf, samplerOf } from "./law.ts";
export { golden, mix, Random } from "./random.ts";

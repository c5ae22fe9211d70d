/** Run time of generated models: no compiler is needed. @module */
export { type Engine, type OpenOptions, openEngine } from "./engine.ts";
export type { Field, Layout } from "./layout.ts";
export { Model } from "./model.ts";
export type { Beat, Value } from "./value.ts";

/** What a compiler is asked for, and what it makes. @module */

/** How a source is compiled. */
export interface CompileOptions {
  /** wasm-opt's: 0 to 3, s, z. */
  readonly optimise: OptimiseLevel;
  /** Names of functions are kept, and a source map or debug information made. */
  readonly debug: boolean;
  /** A folder for what comes between; empty, and removed afterwards. */
  readonly scratch: string;
}

/** As of wasm-opt. */
export const optimiseLevels = ["0", "1", "2", "3", "s", "z"] as const;
/** One of {@link optimiseLevels}. */
export type OptimiseLevel = (typeof optimiseLevels)[number];

/** A module as the compiler made it. */
export interface Compiled {
  readonly wasm: Uint8Array;
  /** JSON, where the language has one and it was asked for. */
  readonly sourceMap: string | null;
  /** For people: warnings. */
  readonly warnings: string;
}

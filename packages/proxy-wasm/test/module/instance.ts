/** Instances of modules in tests. @module */

/** What the tests look at. */
export interface Exports {
  readonly [name: string]: unknown;
}

interface Api {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Exports };
  readonly RuntimeError: new () => Error;
  validate(bytes: Uint8Array): boolean;
}

/** The engine. */
export const engine: Api = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly;

/** An instance of a module's bytes or of one that is compiled. */
export function instantiate(module: Uint8Array | object, imports: object = {}): Exports {
  return new engine.Instance(module instanceof Uint8Array ? new engine.Module(module) : module, imports).exports;
}

/** The value of an exported global. */
export const globalOf = (exports: Exports, name: string): { value: number } => exports[name] as { value: number };

/** An exported function. */
export const functionOf = (exports: Exports, name: string): ((...values: number[]) => number) =>
  exports[name] as (...values: number[]) => number;

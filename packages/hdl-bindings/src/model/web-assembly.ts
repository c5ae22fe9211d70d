/** WebAssembly's own interface, as far as it is used here: it is in none of the libraries that tsc is told of (`dom` has it). @module */

/** WebAssembly JavaScript Interface 2.0 §4. */
interface Api {
  readonly Module: {
    new (bytes: Uint8Array<ArrayBuffer>): Module;
    imports(module: Module): { readonly module: string; readonly name: string }[];
  };
  readonly Instance: new (module: Module, imports: Record<string, Record<string, unknown>>) => { readonly exports: unknown };
}

/** A compiled module. */
export interface Module {
  readonly [Symbol.toStringTag]?: "WebAssembly.Module";
}

/** A memory; the buffer is another one after each growth, and the old one is detached. */
export interface Memory {
  readonly buffer: ArrayBuffer;
}

/** The global object `WebAssembly`. */
export const webAssembly: Api = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly;

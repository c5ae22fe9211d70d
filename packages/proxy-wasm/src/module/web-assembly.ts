/** WebAssembly's own interface, as far as it is used here: it is in none of the libraries that tsc is told of (`dom` has it). @module */

/** WebAssembly JavaScript Interface 2.0 §4. */
interface Api {
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module>;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WebAssembly.Module;
}

/** The global object `WebAssembly`. */
export const webAssembly: Api = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly;

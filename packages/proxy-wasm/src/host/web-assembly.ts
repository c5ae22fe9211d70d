/** The engine's WebAssembly interface, as far as `host/` and `module/` use it: it is in `lib.dom`, which a daemon has nothing else to do with. @module */

/** A compiled module. */
export interface CompiledModule {
  readonly [Symbol.toStringTag]?: "WebAssembly.Module";
}

/** A linear memory. */
export interface Memory {
  readonly buffer: ArrayBuffer;
}

/** A global; of a mutable i32 here. */
export interface Global {
  value: number;
}

/** What a guest exports, by name. */
export type Exports = Readonly<Record<string, unknown>>;

/** Functions by module and name. */
export type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What a module imports. */
export interface ImportDescriptor {
  readonly module: string;
  readonly name: string;
  readonly kind: string;
}

/** WebAssembly JavaScript Interface 2.0 §4 and §5. */
interface Api {
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<CompiledModule>;
  readonly Module: { new (bytes: Uint8Array): CompiledModule; imports(module: CompiledModule): ImportDescriptor[] };
  readonly Instance: new (module: CompiledModule, imports: Imports) => { readonly exports: Exports };
  readonly Memory: new (descriptor: { readonly initial: number }) => Memory;
  readonly Global: new (descriptor: { readonly value: "i32"; readonly mutable: true }, value: number) => Global;
  readonly RuntimeError: new (message?: string) => Error;
}

/** See the module. */
export const webAssembly: Api = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly;

/** What a model was made from, kept inside the .wasm: a custom section at its end. @module */

const name = new TextEncoder().encode("hdl.inputs");
const digits = 64; // SHA-256 as hexadecimal

/** Adds the section (WebAssembly 2.0 §5.5.3: id 0, size, name, bytes). */
export function stamped(wasm: Uint8Array, hash: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new TypeError("a stamp is a SHA-256 in hexadecimal");
  return Uint8Array.from([...wasm, 0, 1 + name.length + digits, name.length, ...name, ...new TextEncoder().encode(hash)]);
}

/** The hash that a module carries; `undefined` where it has none. */
export function stampOf(wasm: Uint8Array): string | undefined {
  const tail = new TextDecoder("latin1").decode(wasm.subarray(-(name.length + digits)));
  return tail.startsWith("hdl.inputs") ? tail.slice(name.length) : undefined;
}

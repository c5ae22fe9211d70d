/** Properties that filters set of an exchange or a connection, for themselves and for each other; Envoy keeps them as `wasm.<name>` in its filter state. @module */

/** Bytes of names and values together that one exchange keeps. */
const mostBytes = 64 * 1024;

interface Kept {
  readonly values: Map<string, Uint8Array>;
  bytes: number;
}

const all = new WeakMap<object, Kept>();

/** @param of The exchange or the connection. @returns False when there is no room. */
export function setProperty(of: object, path: readonly string[], value: Uint8Array): boolean {
  const kept = all.get(of) ?? { values: new Map<string, Uint8Array>(), bytes: 0 };
  const name = path.join("\0");
  const before = kept.values.get(name);
  const bytes = kept.bytes + value.length + (before === undefined ? name.length : -before.length);
  if (bytes > mostBytes) return false;
  kept.bytes = bytes;
  kept.values.set(name, Buffer.from(value));
  all.set(of, kept);
  return true;
}

/** By the name that it was set with, also as Envoy has it. */
export function getProperty(of: object, path: readonly string[]): Uint8Array | undefined {
  const kept = all.get(of);
  if (kept === undefined) return undefined;
  const own = path[0] === "filter_state" ? path.slice(1) : path;
  const name = own.join("\0");
  return kept.values.get(name.startsWith("wasm.") ? name.slice(5) : name);
}

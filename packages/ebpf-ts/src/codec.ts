/**
 * Codecs: C types in bytes, little-endian as BPF on this machine, laid out as the C compiler does.
 *
 * Each codec is described by the source of one read and one write expression. A struct joins its fields' sources into two
 * functions compiled once, so that a million records a second cost no loop over fields, no call per field and no dictionary objects.
 * @module
 */

/** Reads and writes one C type. */
export interface Codec<T> {
  /** Bytes, a multiple of `align`. */
  readonly size: number;
  /** Alignment in bytes. */
  readonly align: number;
  /** The source of an expression that reads at `view` + `at`. */
  readonly readSource: (at: string) => string;
  /** The source of a statement that writes `value` at `view` + `at`. */
  readonly writeSource: (at: string, value: string) => string;
  /** The value as a fresh `Uint8Array[size]`. */
  encode(value: T): Uint8Array;
  /** The value at `offset` of `view`. */
  decode(view: DataView, offset?: number): T;
  /** Writes `value` at `offset` of `view`. */
  write(view: DataView, offset: number, value: T): void;
}

/** What a codec reads and writes. */
export type Value<C> = C extends Codec<infer T> ? T : never;

/** A struct's codec also knows where its fields are. */
export interface StructCodec<T> extends Codec<T> {
  /** Byte offset of each field. */
  readonly offsets: Readonly<Record<keyof T & string, number>>;
  /** Codec of each field. */
  readonly fields: Readonly<Record<keyof T & string, Codec<unknown>>>;
}

/** Functions the sources call; the one parameter of every compiled function. */
const runtime = {
  /** Copies `length` bytes out. */
  bytes: (view: DataView, at: number, length: number): Uint8Array => new Uint8Array(view.buffer, view.byteOffset + at, length).slice(),
  /** Copies bytes in, which must fill the field. */
  setBytes(view: DataView, at: number, length: number, value: Uint8Array): void {
    if (value.length !== length) throw new RangeError(`expected ${length} bytes, got ${value.length}`);
    new Uint8Array(view.buffer, view.byteOffset + at, length).set(value);
  },
  /** Reads up to the first NUL. */
  string(view: DataView, at: number, length: number): string {
    const bytes = Buffer.from(view.buffer, view.byteOffset + at, length);
    const end = bytes.indexOf(0);
    return bytes.toString("utf8", 0, end < 0 ? length : end);
  },
  /** Writes and fills up with NULs. */
  setString(view: DataView, at: number, length: number, value: string): void {
    const bytes = Buffer.from(value, "utf8");
    if (bytes.length >= length) throw new RangeError(`"${value}" has ${bytes.length} bytes and needs a NUL, which is more than ${length}`);
    const field = new Uint8Array(view.buffer, view.byteOffset + at, length);
    field.fill(0);
    field.set(bytes);
  },
  /** Reads `length` elements. */
  array<T>(view: DataView, at: number, length: number, element: Codec<T>): T[] {
    return Array.from({ length }, (_, index) => element.decode(view, at + index * element.size));
  },
  /** Writes `length` elements. */
  setArray<T>(view: DataView, at: number, length: number, element: Codec<T>, value: readonly T[]): void {
    if (value.length !== length) throw new RangeError(`expected ${length} elements, got ${value.length}`);
    for (let index = 0; index < length; index++) element.write(view, at + index * element.size, value[index] as T);
  },
  /** Codecs that sources refer to by index: elements of arrays. */
  codecs: [] as Codec<never>[],
};

/** Compiles a codec's sources into its functions. */
function codec<T>(size: number, align: number, readSource: Codec<T>["readSource"], writeSource: Codec<T>["writeSource"]): Codec<T> {
  const read = new Function("runtime", `return (view, at) => (${readSource("at")})`)(runtime) as (view: DataView, at: number) => T;
  const write = new Function("runtime", `return (view, at, value) => { ${writeSource("at", "value")} }`)(runtime) as Codec<T>["write"];
  return {
    size,
    align,
    readSource,
    writeSource,
    write,
    decode: (view, offset = 0) => read(view, offset),
    encode(value) {
      const bytes = new Uint8Array(size);
      write(new DataView(bytes.buffer), 0, value);
      return bytes;
    },
  };
}

function scalar<T>(method: string, size: number, endian: string): Codec<T> {
  return codec(
    size,
    size,
    (at) => `view.get${method}(${at}${endian})`,
    (at, value) => `view.set${method}(${at}, ${value}${endian});`,
  );
}

/** `__u8`. */
export const u8: Codec<number> = scalar("Uint8", 1, "");
/** `__u16`, in the machine's (little-endian) order. */
export const u16: Codec<number> = scalar("Uint16", 2, ", true");
/** `__be16`, a port as the network has it. */
export const u16be: Codec<number> = scalar("Uint16", 2, ", false");
/** `__u32`. */
export const u32: Codec<number> = scalar("Uint32", 4, ", true");
/** `__be32`. */
export const u32be: Codec<number> = scalar("Uint32", 4, ", false");
/** `__s32`. */
export const i32: Codec<number> = scalar("Int32", 4, ", true");
/** `__u64`. */
export const u64: Codec<bigint> = scalar("BigUint64", 8, ", true");
/** `__s64`. */
export const i64: Codec<bigint> = scalar("BigInt64", 8, ", true");

/** `__u8 field[length]`, copied both ways. */
export function bytes(length: number): Codec<Uint8Array> {
  return codec(
    length,
    1,
    (at) => `runtime.bytes(view, ${at}, ${length})`,
    (at, value) => `runtime.setBytes(view, ${at}, ${length}, ${value});`,
  );
}

/** `char field[length]`, UTF-8 up to the first NUL; at most `length - 1` bytes. */
export function cstring(length: number): Codec<string> {
  return codec(
    length,
    1,
    (at) => `runtime.string(view, ${at}, ${length})`,
    (at, value) => `runtime.setString(view, ${at}, ${length}, ${value});`,
  );
}

/** `T field[length]`. */
export function array<T>(element: Codec<T>, length: number): Codec<T[]> {
  const index = runtime.codecs.push(element as unknown as Codec<never>) - 1;
  return codec(
    element.size * length,
    element.align,
    (at) => `runtime.array(view, ${at}, ${length}, runtime.codecs[${index}])`,
    (at, value) => `runtime.setArray(view, ${at}, ${length}, runtime.codecs[${index}], ${value});`,
  );
}

/**
 * `struct { ... }` with C's alignment and padding; padding is written as zeros by `encode`, and left alone by `write`.
 *
 * @example
 * ```ts
 * const endpoint = struct({ port: u16be, address: bytes(16), cookie: u64 });
 * endpoint.size; // 32
 * endpoint.offsets.cookie; // 24
 * endpoint.decode(new DataView(endpoint.encode({ port: 80, address: new Uint8Array(16), cookie: 1n }).buffer)).port; // 80
 * ```
 */
export function struct<F extends Record<string, Codec<never>> | Record<string, Codec<unknown>>>(
  fields: F,
): StructCodec<{ [K in keyof F]: Value<F[K]> }> {
  type T = { [K in keyof F]: Value<F[K]> };
  const entries = Object.entries(fields) as [string, Codec<unknown>][];
  const offsets: Record<string, number> = {};
  let end = 0;
  let align = 1;
  for (const [name, field] of entries) {
    offsets[name] = Math.ceil(end / field.align) * field.align;
    end = offsets[name] + field.size;
    align = Math.max(align, field.align);
  }
  const at = (base: string, name: string): string => `${base} + ${offsets[name]}`;
  const compiled = codec<T>(
    Math.ceil(end / align) * align,
    align,
    (base) => `{ ${entries.map(([name, field]) => `${JSON.stringify(name)}: ${field.readSource(at(base, name))}`).join(", ")} }`,
    (base, value) => entries.map(([name, field]) => field.writeSource(at(base, name), `${value}[${JSON.stringify(name)}]`)).join(" "),
  );
  return { ...compiled, offsets: offsets as StructCodec<T>["offsets"], fields: fields as unknown as StructCodec<T>["fields"] };
}

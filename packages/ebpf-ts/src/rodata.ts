/** Rodata: sets the `const volatile` globals of an object before it is loaded. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Btf } from "./btf.ts";
import { libbpf, libc } from "./native.ts";

/** Bytes of an integer, little-endian; two's complement if negative. */
function integerBytes(value: number | bigint, size: number): Uint8Array | undefined {
  const wide = BigInt(value);
  if (BigInt.asUintN(size * 8, wide) !== wide && BigInt.asIntN(size * 8, wide) !== wide) return undefined;
  return Uint8Array.from({ length: size }, (_, index) => Number((wide >> BigInt(index * 8)) & 0xffn));
}

/**
 * Writes `values` into the `.rodata` of an opened object; the verifier then treats them as constants.
 *
 * @throws MitsuError `ERR_BPF_RODATA` for a variable that is not there, or a value that does not fit it.
 */
export function setRodata(
  object: bigint,
  btf: Btf,
  objectName: string,
  values: Readonly<Record<string, number | bigint | Uint8Array>>,
): void {
  const variables = btf.variables(".rodata") ?? {};
  const map = libbpf().bpf_object__find_map_by_name(object, ".rodata");
  const memory = map === null ? null : libbpf().bpf_map__initial_value(map, new BigUint64Array(1));
  const failure = (message: string, hint: string): MitsuError =>
    new MitsuError(`cannot set rodata of ${objectName}: ${message}`, { code: "ERR_BPF_RODATA", hint, exit: exitStatus.data });
  for (const [name, value] of Object.entries(values)) {
    const variable = variables[name];
    if (!variable || memory === null) {
      throw failure(
        `it has no variable ${name}, only ${Object.keys(variables).join(", ") || "none"}`,
        `declare it: const volatile __u32 ${name};`,
      );
    }
    const { offset, size } = variable;
    const bytes = value instanceof Uint8Array ? value : integerBytes(value, size);
    if (!bytes) throw failure(`${value} does not fit ${name} (${size} bytes)`, "give a smaller value or widen the variable");
    if (bytes.length > size)
      throw failure(`${bytes.length} bytes do not fit ${name} (${size} bytes)`, "give fewer bytes or widen the variable");
    libc().memcpy(memory + BigInt(offset), bytes, bytes.length);
  }
}

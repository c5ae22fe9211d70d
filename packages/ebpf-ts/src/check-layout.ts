/** The struct layout check: a TypeScript codec against the C compiler's own description. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Btf } from "./btf.ts";
import type { StructCodec } from "./codec.ts";

/** `remotePort` in TypeScript is `remote_port` in C. */
function cName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Checks that `codec` has the members, offsets, sizes and total size of C's `struct structName`; camelCase names match snake_case ones.
 *
 * @throws MitsuError `ERR_BTF_LAYOUT`, which names every difference.
 * @example
 * ```ts
 * checkLayout(flowKey, object.btf, "flow_key");
 * ```
 */
export function checkLayout<T>(codec: StructCodec<T>, btf: Btf, structName: string): void {
  const layout = btf.structLayout(structName);
  const differences: string[] = [];
  if (layout.size !== codec.size) differences.push(`size is ${layout.size} in C, ${codec.size} in TypeScript`);
  const rest = new Set(Object.keys(layout.members));
  for (const [name, field] of Object.entries<{ size: number }>(codec.fields)) {
    const key = layout.members[name] ? name : cName(name);
    const member = layout.members[key];
    rest.delete(key);
    const offset = (codec.offsets as Record<string, number>)[name];
    if (!member) differences.push(`${name} is not in C`);
    else {
      if (member.offset !== offset) differences.push(`${name} is at byte ${member.offset} in C, ${offset} in TypeScript`);
      if (member.size !== field.size) differences.push(`${name} has ${member.size} bytes in C, ${field.size} in TypeScript`);
    }
  }
  for (const name of rest) differences.push(`${name} is not in TypeScript`);
  if (differences.length === 0) return;
  throw new MitsuError(`the codec of struct ${structName} differs from BTF: ${differences.join("; ")}`, {
    code: "ERR_BTF_LAYOUT",
    hint: "change the codec beside the C header, then compile the object anew",
    exit: exitStatus.failure,
  });
}

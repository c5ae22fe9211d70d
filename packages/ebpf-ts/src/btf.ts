/** Btf: the types of a BPF object or of the kernel, asked for the layout of a struct or the place of a variable. @module */
import { exitStatus, MitsuError, NotSupportedError } from "@mitsu/cli/error";
import { kernelError } from "./kernel-error.ts";
import { errno, libbpf, libc } from "./native.ts";

/** Kinds of BTF types used here (uapi/linux/btf.h). */
const kind = { struct: 4, union: 5, typedef: 8, datasec: 15 } as const;

/** Where a member or a variable lies. */
export interface Member {
  /** Bytes from the beginning. */
  readonly offset: number;
  readonly size: number;
}

/** Layout of a struct, with the members of anonymous inner structs and unions as its own. */
export interface StructLayout {
  readonly size: number;
  readonly members: Readonly<Record<string, Member>>;
}

/** The kernel's own types. */
export const vmlinuxBtfPath = "/sys/kernel/btf/vmlinux";

/** A `struct btf_type` with `count` trailing triples. */
interface RawType {
  readonly kind: number;
  readonly size: number;
  readonly kindFlag: boolean;
  readonly name: string;
  /** name_off, type, offset of each member; type, offset, size of each variable of a section. */
  readonly triples: Uint32Array;
}

/** Type information. Free it with `close`, unless it belongs to an object. */
export class Btf {
  readonly #btf: bigint;
  #owned: boolean;

  /** Wraps libbpf's `struct btf *`. */
  constructor(btf: bigint, options: { owned: boolean }) {
    this.#btf = btf;
    this.#owned = options.owned;
  }

  /**
   * Reads an object file's, or a raw BTF file's, types; the kernel's own unless a path is given.
   *
   * @throws NotSupportedError if this kernel has no BTF.
   */
  static parse(path: string = vmlinuxBtfPath): Btf {
    const btf = libbpf().btf__parse(path, null);
    if (btf !== null) return new Btf(btf, { owned: true });
    if (path === vmlinuxBtfPath) {
      throw new NotSupportedError(`this kernel has no type information (${path})`, "boot a kernel with CONFIG_DEBUG_INFO_BTF=y");
    }
    throw kernelError(`cannot read BTF from ${path}`, errno(), "compile the object with clang -g");
  }

  /**
   * Layout of `struct name`, or of the struct a typedef of that name stands for.
   *
   * @throws MitsuError `ERR_BTF_TYPE_MISSING`.
   */
  structLayout(name: string): StructLayout {
    const id = [kind.struct, kind.union, kind.typedef]
      .map((k) => libbpf().btf__find_by_name_kind(this.#btf, name, k))
      .find((found) => found > 0);
    if (id === undefined) {
      throw new MitsuError(`BTF has no struct ${name}`, {
        code: "ERR_BTF_TYPE_MISSING",
        hint: `the compiler leaves out what no map or global uses; keep it: const struct ${name} *unused __attribute__((unused));`,
        exit: exitStatus.data,
      });
    }
    const members: Record<string, Member> = {};
    const resolved = libbpf().btf__resolve_type(this.#btf, id);
    this.#collect(resolved, 0, members);
    return { size: this.#type(resolved).size, members };
  }

  /** Variables of a data section such as `.rodata`; undefined if the object has no such section. */
  variables(section: string): Readonly<Record<string, Member>> | undefined {
    const id = libbpf().btf__find_by_name_kind(this.#btf, section, kind.datasec);
    if (id <= 0) return undefined;
    const variables: Record<string, Member> = {};
    const { triples } = this.#type(id);
    for (let at = 0; at < triples.length; at += 3) {
      variables[this.#type(triples[at]!).name] = { offset: triples[at + 1]!, size: triples[at + 2]! };
    }
    return variables;
  }

  #collect(id: number, base: number, members: Record<string, Member>): void {
    const { triples, kindFlag } = this.#type(id);
    for (let at = 0; at < triples.length; at += 3) {
      const name = libbpf().btf__name_by_offset(this.#btf, triples[at]!);
      const type = triples[at + 1]!;
      // With the kind flag the upper byte is the width of a bit field.
      const bits = kindFlag ? triples[at + 2]! & 0xffffff : triples[at + 2]!;
      const offset = base + Math.floor(bits / 8);
      if (name === "") this.#collect(libbpf().btf__resolve_type(this.#btf, type), offset, members);
      else members[name] = { offset, size: Number(libbpf().btf__resolve_size(this.#btf, type)) };
    }
  }

  /** Copies a `struct btf_type` (name_off, info, size) and what follows it out of libbpf's memory. */
  #type(id: number): RawType {
    const address = libbpf().btf__type_by_id(this.#btf, id);
    if (address === null) throw new RangeError(`BTF has no type ${id}`);
    const head = new Uint32Array(3);
    libc().memcpy(head, address, 12);
    const info = head[1]!;
    const number = (info >>> 24) & 0x1f;
    const composite = number === kind.struct || number === kind.union || number === kind.datasec;
    const triples = new Uint32Array(composite ? (info & 0xffff) * 3 : 0);
    if (triples.length > 0) libc().memcpy(triples, address + 12n, triples.byteLength);
    return { kind: number, size: head[2]!, kindFlag: info >>> 31 === 1, name: libbpf().btf__name_by_offset(this.#btf, head[0]!), triples };
  }

  /** Frees the types; those of an object go with it. */
  close(): void {
    if (!this.#owned) return;
    this.#owned = false;
    libbpf().btf__free(this.#btf);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

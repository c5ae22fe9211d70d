/** BpfObject: a compiled BPF ELF file, opened, configured and loaded into the kernel by libbpf. @module */
import { closeSync } from "node:fs";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { Btf } from "./btf.ts";
import { checked, kernelError } from "./kernel-error.ts";
import { loadError, withWarnings } from "./load-error.ts";
import { BpfMap } from "./map.ts";
import { mapTypeName } from "./map-type.ts";
import { addressOf, errno, libbpf } from "./native.ts";
import { openPin } from "./pin.ts";
import { Program } from "./program.ts";
import { setRodata } from "./rodata.ts";

/** The largest log buffer every kernel takes (UINT32_MAX >> 8); its pages are only touched when a load fails. */
const logBytes = 0xffffff;

/** How an object is opened. */
export interface OpenOptions {
  /** Shown in errors, and by bpftool as the prefix of the maps of globals; `bpf` unless given. */
  readonly name?: string;
  /** Values of `const volatile` globals, by name. */
  readonly rodata?: Readonly<Record<string, number | bigint | Uint8Array>>;
  /** Maps to take from pins in place of making them, by name: `{ flows: "/sys/fs/bpf/mitsu/flows" }`. */
  readonly reuseMaps?: Readonly<Record<string, string>>;
  /** Sizes of maps, by name. */
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** Which programs to load; all unless given. */
  readonly autoload?: (programName: string) => boolean;
}

/**
 * A BPF object.
 *
 * @example
 * ```ts
 * using object = BpfObject.open(readFileSync("counter.bpf.o"), { name: "counter", rodata: { port: 80 } });
 * object.load();
 * object.program("count").attachCgroup("/sys/fs/cgroup/web").pin("/sys/fs/bpf/counter");
 * ```
 */
export class BpfObject {
  readonly name: string;
  /** The object's types; valid until `close`. */
  readonly btf: Btf;
  readonly #handle: bigint;
  #log: Uint8Array;
  /** libbpf keeps pointers into these while the object lives; undefined once it is closed. */
  #memory: readonly Uint8Array[] | undefined;
  #programs: ReadonlyMap<string, Program> | undefined;
  #maps: ReadonlyMap<string, BpfMap> | undefined;

  private constructor(handle: bigint, name: string, log: Uint8Array, memory: readonly Uint8Array[]) {
    const btf = libbpf().bpf_object__btf(handle);
    this.name = name;
    this.#handle = handle;
    this.#log = log;
    this.#memory = memory;
    if (btf === null) {
      libbpf().bpf_object__close(handle);
      throw new MitsuError(`cannot open ${name}: it has no BTF`, {
        code: "ERR_BPF_OBJECT",
        hint: "compile it with clang -g",
        exit: exitStatus.data,
      });
    }
    this.btf = new Btf(btf, { owned: false });
  }

  /**
   * Opens an ELF file from memory and applies the options; nothing is in the kernel yet.
   *
   * @throws MitsuError `ERR_BPF_OBJECT` for a bad file or a name that is not in it, `ERR_BPF_MAP_MISMATCH` for a pin that does not fit.
   */
  static open(bytes: Uint8Array, options: OpenOptions = {}): BpfObject {
    const name = options.name ?? "bpf";
    const elf = new Uint8Array(bytes);
    const cName = Buffer.from(`${name}\0`);
    const log = new Uint8Array(logBytes);
    // struct bpf_object_open_opts of libbpf 1.1: sz 0, object_name 8, kernel_log_buf 56, kernel_log_size 64.
    const opts = new Uint8Array(80);
    const view = new DataView(opts.buffer);
    view.setBigUint64(0, BigInt(opts.length), true);
    view.setBigUint64(8, addressOf(cName), true);
    view.setBigUint64(56, addressOf(log), true);
    view.setBigUint64(64, BigInt(log.length), true);
    const { result, warnings } = withWarnings(() => {
      const handle = libbpf().bpf_object__open_mem(elf, elf.length, opts);
      return handle ?? errno();
    });
    if (typeof result === "number") {
      throw new MitsuError(`cannot open ${name}: ${warnings.join("; ") || kernelError("libbpf refuses it", result).message}`, {
        code: "ERR_BPF_OBJECT",
        hint: "compile it with clang -g -O2 -target bpf",
        exit: exitStatus.data,
      });
    }
    const object = new BpfObject(result, name, log, [elf, cName]);
    try {
      object.#configure(options);
    } catch (error) {
      object.close();
      throw error;
    }
    return object;
  }

  #configure(options: OpenOptions): void {
    if (options.autoload) {
      for (const program of this.#programHandles()) {
        const wanted = options.autoload(libbpf().bpf_program__name(program));
        checked(libbpf().bpf_program__set_autoload(program, wanted), `cannot choose the programs of ${this.name}`);
      }
    }
    for (const [map, entries] of Object.entries(options.maxEntries ?? {})) {
      checked(libbpf().bpf_map__set_max_entries(this.#mapHandle(map), entries), `cannot set the size of map ${map} to ${entries}`);
    }
    for (const [map, path] of Object.entries(options.reuseMaps ?? {})) this.#reuse(map, path);
    if (options.rodata) setRodata(this.#handle, this.btf, this.name, options.rodata);
  }

  /** Takes a pinned map in place of making one; libbpf itself does not compare them. */
  #reuse(name: string, path: string): void {
    const bpf = libbpf();
    const handle = this.#mapHandle(name);
    const fd = openPin(path);
    try {
      const pinned = new BpfMap(fd, { name, owned: false });
      const differences = (
        [
          ["type", pinned.type, mapTypeName(bpf.bpf_map__type(handle))],
          ["key size", pinned.keySize, bpf.bpf_map__key_size(handle)],
          ["value size", pinned.valueSize, bpf.bpf_map__value_size(handle)],
          ["max entries", pinned.maxEntries, bpf.bpf_map__max_entries(handle)],
          ["flags", pinned.flags, bpf.bpf_map__map_flags(handle)],
        ] as const
      ).filter(([, found, wanted]) => found !== wanted);
      if (differences.length > 0) {
        const text = differences.map(([what, found, wanted]) => `${what} is ${found}, must be ${wanted}`).join("; ");
        throw new MitsuError(`cannot reuse the pinned map ${path} as ${name} of ${this.name}: ${text}`, {
          code: "ERR_BPF_MAP_MISMATCH",
          hint: `another version left it; remove it (rm ${path}) or pin under another version's folder`,
          exit: exitStatus.data,
        });
      }
      checked(bpf.bpf_map__reuse_fd(handle, fd), `cannot reuse the pinned map ${path} as ${name}`);
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Creates the maps and loads the programs; once only.
   *
   * @throws VerifierError (`ERR_BPF_VERIFIER`) with the verifier's log; MitsuError `ERR_BPF_RIGHTS`; NotSupportedError without kernel BTF.
   */
  load(): this {
    const { result, warnings } = withWarnings(() => libbpf().bpf_object__load(this.#handle));
    const log = logText(this.#log);
    this.#log = new Uint8Array(0);
    if (result < 0) throw loadError(this.name, -result, warnings, log);
    return this;
  }

  /** The loaded programs by name. */
  get programs(): ReadonlyMap<string, Program> {
    this.#programs ??= new Map(
      this.#programHandles()
        .filter((handle) => libbpf().bpf_program__fd(handle) >= 0)
        .map((handle) => {
          const name = libbpf().bpf_program__name(handle);
          const expectedAttachType = libbpf().bpf_program__expected_attach_type(handle);
          return [name, new Program(libbpf().bpf_program__fd(handle), { name, expectedAttachType, owned: false })] as const;
        }),
    );
    return this.#programs;
  }

  /** The loaded program called `name`. */
  program(name: string): Program {
    return this.programs.get(name) ?? this.#missing("program", name, this.#programHandles().map(libbpf().bpf_program__name));
  }

  /** The created maps by name; those of globals are `.rodata`, `.data`, `.bss`. */
  get maps(): ReadonlyMap<string, BpfMap> {
    this.#maps ??= new Map(
      this.#mapHandles().map(
        (handle) => [mapName(handle), new BpfMap(libbpf().bpf_map__fd(handle), { name: mapName(handle), owned: false })] as const,
      ),
    );
    return this.#maps;
  }

  /** The created map called `name`. */
  map(name: string): BpfMap {
    return this.maps.get(name) ?? this.#missing("map", name, this.#mapHandles().map(mapName));
  }

  #mapHandle(name: string): bigint {
    return this.#mapHandles().find((handle) => mapName(handle) === name) ?? this.#missing("map", name, this.#mapHandles().map(mapName));
  }

  #programHandles(): bigint[] {
    return walk((previous) => libbpf().bpf_object__next_program(this.#handle, previous));
  }

  #mapHandles(): bigint[] {
    return walk((previous) => libbpf().bpf_object__next_map(this.#handle, previous));
  }

  #missing(noun: string, name: string, names: readonly string[]): never {
    throw new MitsuError(`${this.name} has no ${noun} ${name}, only ${names.join(", ") || "none"}`, {
      code: "ERR_BPF_OBJECT",
      hint: `check the name, that the object is loaded, and that autoload lets the ${noun} in`,
      exit: exitStatus.data,
    });
  }

  /** Closes all descriptors; what is pinned or attached by a living link stays. */
  close(): void {
    if (this.#memory === undefined) return;
    libbpf().bpf_object__close(this.#handle);
    this.#memory = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Maps of globals are called `<object>.rodata`; only the section's name is worth knowing. */
function mapName(handle: bigint): string {
  const name = libbpf().bpf_map__name(handle);
  return libbpf().bpf_map__is_internal(handle) ? name.slice(Math.max(0, name.indexOf("."))) : name;
}

function walk(next: (previous: bigint | null) => bigint | null): bigint[] {
  const found: bigint[] = [];
  for (let handle = next(null); handle !== null; handle = next(handle)) found.push(handle);
  return found;
}

function logText(log: Uint8Array): string {
  return Buffer.from(log.buffer, 0, Math.max(0, log.indexOf(0))).toString("latin1");
}

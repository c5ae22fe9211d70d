/**
 * The one door to native code: libbpf.so.1, libc and koffi, bound when first used and never before, since koffi costs some 15 ms of start-up.
 *
 * Pointers are `bigint`; wherever C takes a pointer to bytes, a typed array or `null` may be given, without a copy.
 * libbpf 1.x functions return `-errno`; those that return a pointer give `null` and leave the reason in {@link errno}.
 * @module
 */
import { createRequire } from "node:module";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type koffiTypes from "koffi";
import type { TypeObject } from "koffi";

/** An address, or memory that koffi passes by its address. */
export type Pointer = bigint | Uint8Array | Uint32Array | null;

/** libbpf 1.1's functions, under their own names. */
export interface Libbpf {
  libbpf_set_print(callback: bigint | null): unknown;
  libbpf_num_possible_cpus(): number;
  libbpf_probe_bpf_prog_type(type: number, opts: null): number;
  libbpf_probe_bpf_helper(type: number, helper: number, opts: null): number;
  libbpf_probe_bpf_map_type(type: number, opts: null): number;
  libbpf_find_vmlinux_btf_id(name: string, attachType: number): number;
  bpf_object__open_mem(bytes: Pointer, size: number, opts: Pointer): bigint | null;
  bpf_object__load(object: bigint): number;
  bpf_object__close(object: bigint): void;
  bpf_object__btf(object: bigint): bigint | null;
  bpf_object__next_program(object: bigint, previous: bigint | null): bigint | null;
  bpf_object__next_map(object: bigint, previous: bigint | null): bigint | null;
  bpf_object__find_map_by_name(object: bigint, name: string): bigint | null;
  bpf_program__name(program: bigint): string;
  bpf_program__section_name(program: bigint): string;
  bpf_program__fd(program: bigint): number;
  bpf_program__type(program: bigint): number;
  bpf_program__expected_attach_type(program: bigint): number;
  bpf_program__set_expected_attach_type(program: bigint, type: number): number;
  bpf_program__autoload(program: bigint): boolean;
  bpf_program__set_autoload(program: bigint, autoload: boolean): number;
  bpf_map__name(map: bigint): string;
  bpf_map__fd(map: bigint): number;
  bpf_map__type(map: bigint): number;
  bpf_map__key_size(map: bigint): number;
  bpf_map__value_size(map: bigint): number;
  bpf_map__max_entries(map: bigint): number;
  bpf_map__map_flags(map: bigint): number;
  bpf_map__is_internal(map: bigint): boolean;
  bpf_map__set_max_entries(map: bigint, entries: number): number;
  bpf_map__reuse_fd(map: bigint, fd: number): number;
  bpf_map__initial_value(map: bigint, size: BigUint64Array): bigint | null;
  bpf_map_create(type: number, name: string, keySize: number, valueSize: number, maxEntries: number, opts: Pointer): number;
  bpf_prog_load(type: number, name: string, license: string, instructions: Pointer, count: number, opts: Pointer): number;
  bpf_map_update_elem(fd: number, key: Pointer, value: Pointer, flags: number): number;
  bpf_map_lookup_elem(fd: number, key: Pointer, value: Pointer): number;
  bpf_map_delete_elem(fd: number, key: Pointer): number;
  bpf_map_lookup_and_delete_elem(fd: number, key: Pointer, value: Pointer): number;
  bpf_map_get_next_key(fd: number, key: Pointer, next: Pointer): number;
  bpf_map_lookup_batch(fd: number, from: Pointer, next: Pointer, keys: Pointer, values: Pointer, count: Uint32Array, opts: Pointer): number;
  bpf_map_update_batch(fd: number, keys: Pointer, values: Pointer, count: Uint32Array, opts: Pointer): number;
  bpf_obj_pin(fd: number, path: string): number;
  bpf_obj_get(path: string): number;
  bpf_obj_get_info_by_fd(fd: number, info: Pointer, size: Uint32Array): number;
  bpf_prog_attach(program: number, target: number, type: number, flags: number): number;
  bpf_prog_detach2(program: number, target: number, type: number): number;
  bpf_link_create(program: number, target: number, type: number, opts: Pointer): number;
  bpf_raw_tracepoint_open(name: string | null, program: number): number;
  bpf_link_update(link: number, program: number, opts: Pointer): number;
  bpf_link_detach(link: number): number;
  bpf_iter_create(link: number): number;
  bpf_prog_test_run_opts(program: number, opts: Pointer): number;
  btf__parse(path: string, extension: null): bigint | null;
  btf__free(btf: bigint): void;
  btf__find_by_name_kind(btf: bigint, name: string, kind: number): number;
  btf__type_by_id(btf: bigint, id: number): bigint | null;
  btf__resolve_type(btf: bigint, id: number): number;
  btf__resolve_size(btf: bigint, id: number): number | bigint;
  btf__name_by_offset(btf: bigint, offset: number): string;
}

/** The C library's functions that Node does not offer. */
export interface Libc {
  getpagesize(): number;
  mmap(address: null, length: number, protection: number, flags: number, fd: number, offset: number): bigint;
  munmap(address: bigint, length: number): number;
  memcpy(to: Pointer, from: Pointer, size: number): unknown;
  vsnprintf(buffer: Uint8Array, size: number, format: bigint, args: bigint): number;
  setns(fd: number, type: number): number;
  socket(family: number, type: number, protocol: number): number;
  getsockopt(fd: number, level: number, option: number, value: Pointer, size: Uint32Array): number;
  mount(source: string, target: string, type: string, flags: number, data: null): number;
  syscall(number: number, command: number, attr: Pointer, size: number): number;
}

/** A file descriptor watched by Node's event loop. */
export interface PollHandle {
  close(): void;
  ref(): void;
  unref(): void;
}

const libbpfPrototypes = [
  "void *libbpf_set_print(void *)",
  "int libbpf_num_possible_cpus()",
  "int libbpf_probe_bpf_prog_type(int, void *)",
  "int libbpf_probe_bpf_helper(int, int, void *)",
  "int libbpf_probe_bpf_map_type(int, void *)",
  "int libbpf_find_vmlinux_btf_id(str, int)",
  "void *bpf_object__open_mem(void *, size_t, void *)",
  "int bpf_object__load(void *)",
  "void bpf_object__close(void *)",
  "void *bpf_object__btf(void *)",
  "void *bpf_object__next_program(void *, void *)",
  "void *bpf_object__next_map(void *, void *)",
  "void *bpf_object__find_map_by_name(void *, str)",
  "str bpf_program__name(void *)",
  "str bpf_program__section_name(void *)",
  "int bpf_program__fd(void *)",
  "int bpf_program__type(void *)",
  "int bpf_program__expected_attach_type(void *)",
  "int bpf_program__set_expected_attach_type(void *, int)",
  "bool bpf_program__autoload(void *)",
  "int bpf_program__set_autoload(void *, bool)",
  "str bpf_map__name(void *)",
  "int bpf_map__fd(void *)",
  "int bpf_map__type(void *)",
  "uint32 bpf_map__key_size(void *)",
  "uint32 bpf_map__value_size(void *)",
  "uint32 bpf_map__max_entries(void *)",
  "uint32 bpf_map__map_flags(void *)",
  "bool bpf_map__is_internal(void *)",
  "int bpf_map__set_max_entries(void *, uint32)",
  "int bpf_map__reuse_fd(void *, int)",
  "void *bpf_map__initial_value(void *, void *)",
  "int bpf_map_create(int, str, uint32, uint32, uint32, void *)",
  "int bpf_prog_load(int, str, str, void *, size_t, void *)",
  "int bpf_map_update_elem(int, void *, void *, uint64)",
  "int bpf_map_lookup_elem(int, void *, void *)",
  "int bpf_map_delete_elem(int, void *)",
  "int bpf_map_lookup_and_delete_elem(int, void *, void *)",
  "int bpf_map_get_next_key(int, void *, void *)",
  "int bpf_map_lookup_batch(int, void *, void *, void *, void *, void *, void *)",
  "int bpf_map_update_batch(int, void *, void *, void *, void *)",
  "int bpf_obj_pin(int, str)",
  "int bpf_obj_get(str)",
  "int bpf_obj_get_info_by_fd(int, void *, void *)",
  "int bpf_prog_attach(int, int, int, uint32)",
  "int bpf_prog_detach2(int, int, int)",
  "int bpf_link_create(int, int, int, void *)",
  "int bpf_raw_tracepoint_open(const char *, int)",
  "int bpf_link_update(int, int, void *)",
  "int bpf_link_detach(int)",
  "int bpf_iter_create(int)",
  "int bpf_prog_test_run_opts(int, void *)",
  "void *btf__parse(str, void *)",
  "void btf__free(void *)",
  "int btf__find_by_name_kind(void *, str, uint32)",
  "void *btf__type_by_id(void *, uint32)",
  "int btf__resolve_type(void *, uint32)",
  "int64 btf__resolve_size(void *, uint32)",
  "str btf__name_by_offset(void *, uint32)",
];

const libcPrototypes = [
  "int getpagesize()",
  "void *mmap(void *, size_t, int, int, int, int64)",
  "int munmap(void *, size_t)",
  "void *memcpy(void *, void *, size_t)",
  "int vsnprintf(void *, size_t, void *, void *)",
  "int setns(int, int)",
  "int socket(int, int, int)",
  "int getsockopt(int, int, int, void *, void *)",
  "int mount(str, str, str, uint64, void *)",
  "int64 syscall(int64, int, void *, uint32)",
];

let koffiModule: typeof koffiTypes | undefined;
let libbpfFunctions: Libbpf | undefined;
let libcFunctions: Libc | undefined;
let printType: TypeObject | undefined;

/** In a bundle `require` is the bundler's, and koffi lies in the bundle; run from the sources there is none, and Node's own is made. */
function koffi(): typeof koffiTypes {
  koffiModule ??= (typeof require === "function" ? require("koffi") : createRequire(import.meta.url)("koffi")) as typeof koffiTypes;
  return koffiModule;
}

function bind(library: string, prototypes: readonly string[]): unknown {
  const handle = koffi().load(library);
  return Object.fromEntries(prototypes.map((prototype) => [/(\w+)\(/.exec(prototype)?.[1], handle.func(prototype)]));
}

/**
 * libbpf's functions.
 *
 * @throws MitsuError `ERR_LIBBPF_MISSING` if libbpf.so.1 is not installed.
 */
export function libbpf(): Libbpf {
  if (libbpfFunctions) return libbpfFunctions;
  try {
    libbpfFunctions = bind("libbpf.so.1", libbpfPrototypes) as Libbpf;
  } catch (cause) {
    throw new MitsuError(`cannot load libbpf.so.1: ${(cause as Error).message}`, {
      code: "ERR_LIBBPF_MISSING",
      hint: "install it: apt-get install libbpf1",
      exit: exitStatus.unsupported,
      cause,
    });
  }
  // stderr is the daemon's log; what libbpf has to say goes into errors, see withPrint.
  libbpfFunctions.libbpf_set_print(null);
  return libbpfFunctions;
}

/** libc's functions. */
export function libc(): Libc {
  libcFunctions ??= bind("libc.so.6", libcPrototypes) as Libc;
  return libcFunctions;
}

/** The `errno` the last native call left. */
export function errno(): number {
  return koffi().errno();
}

/** The address of a typed array's bytes, for structs that hold pointers; the caller keeps the array referenced. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi().address(bytes);
}

/** An `ArrayBuffer` over `length` bytes of native memory, without a copy; it must not outlive that memory. */
export function viewOf(address: bigint, length: number): ArrayBuffer {
  return koffi().view(address, length);
}

/** Calls `callback` from the event loop whenever `fd` is readable (level-triggered), until the handle is closed. */
export function pollReadable(fd: number, callback: () => void): PollHandle {
  return koffi().node.poll(fd, { readable: true }, () => {
    try {
      callback();
    } catch (error) {
      // An exception that reaches koffi's C++ aborts the process past every handler; here it becomes an ordinary uncaught one.
      setImmediate(() => {
        throw error;
      });
    }
  });
}

/**
 * Makes libbpf hand its messages to `print` while `body` runs, and keeps it silent afterwards.
 *
 * @param print receives libbpf's level (0 warning, 1 information, 2 debug), its format and its `va_list`.
 */
export function withPrint<T>(print: (level: number, format: bigint, args: bigint) => number, body: () => T): T {
  const k = koffi();
  printType ??= k.pointer(k.proto("int", ["int", "void *", "void *"]));
  const callback = k.register(print, printType);
  libbpf().libbpf_set_print(callback);
  try {
    return body();
  } finally {
    libbpf().libbpf_set_print(null);
    k.unregister(callback);
  }
}

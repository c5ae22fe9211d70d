/**
 * libpcap, bound when first used.
 *
 * A call into C costs a microsecond or two, a callback out of it more. So packets do not come one by one: `pcap_dispatch` is given `pcap_dump`, a C
 * function that fits as its callback, and that writes them to a stream in memory. One call brings hundreds of packets as one block of bytes, in
 * the form of a pcap file's records. [pcap_dump(3PCAP), open_memstream(3)]
 * @module
 */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

type Address = bigint | null;
type Async<A extends unknown[], R> = { readonly async: (...args: [...A, (error: Error | null, result: R) => void]) => void };

/** libpcap's functions and the C library's, under their own names. */
export interface Libpcap {
  pcap_fopen_offline(file: bigint, errors: Uint8Array): Address;
  pcap_create(device: string, errors: Uint8Array): Address;
  pcap_set_snaplen(handle: bigint, bytes: number): number;
  pcap_set_promisc(handle: bigint, on: number): number;
  pcap_set_timeout(handle: bigint, ms: number): number;
  pcap_set_buffer_size(handle: bigint, bytes: number): number;
  pcap_activate(handle: bigint): number;
  pcap_setnonblock(handle: bigint, on: number, errors: Uint8Array): number;
  readonly pcap_dispatch: ((handle: bigint, count: number, callback: bigint, user: bigint) => number) &
    Async<[bigint, number, bigint, bigint], number>;
  pcap_dump_fopen(handle: bigint, file: bigint): Address;
  pcap_dump_flush(dumper: bigint): number;
  pcap_dump_close(dumper: bigint): void;
  pcap_datalink(handle: bigint): number;
  pcap_stats(handle: bigint, stats: Uint32Array): number;
  pcap_geterr(handle: bigint): string;
  pcap_statustostr(status: number): string;
  pcap_close(handle: bigint): void;
  fopen(path: string, mode: string): Address;
  dup(fd: number): number;
  fdopen(fd: number, mode: string): Address;
  fclose(file: bigint): number;
  fseek(file: bigint, offset: number, whence: number): number;
  ftell(file: bigint): number;
  clearerr(file: bigint): void;
  open_memstream(text: BigUint64Array, size: BigUint64Array): Address;
  free(address: bigint): void;
  /** Address of the C function `pcap_dump`. */
  readonly pcap_dump: bigint;
  /** Native memory as bytes, without a copy. */
  readonly view: (address: bigint, length: number) => Uint8Array;
}

const pcapPrototypes = [
  "void *pcap_fopen_offline(void *, void *)",
  "void *pcap_create(str, void *)",
  "int pcap_set_snaplen(void *, int)",
  "int pcap_set_promisc(void *, int)",
  "int pcap_set_timeout(void *, int)",
  "int pcap_set_buffer_size(void *, int)",
  "int pcap_activate(void *)",
  "int pcap_setnonblock(void *, int, void *)",
  "int pcap_dispatch(void *, int, void *, void *)",
  "void *pcap_dump_fopen(void *, void *)",
  "int pcap_dump_flush(void *)",
  "void pcap_dump_close(void *)",
  "int pcap_datalink(void *)",
  "int pcap_stats(void *, void *)",
  "str pcap_geterr(void *)",
  "str pcap_statustostr(int)",
  "void pcap_close(void *)",
];
const libcPrototypes = [
  "void *fopen(str, str)",
  "int dup(int)",
  "void *fdopen(int, str)",
  "int fclose(void *)",
  "int fseek(void *, long, int)",
  "long ftell(void *)",
  "void clearerr(void *)",
  "void *open_memstream(void *, void *)",
  "void free(void *)",
];

let bound: Promise<Libpcap> | undefined;

async function bind(): Promise<Libpcap> {
  const { default: koffi } = await import("koffi");
  const libc = koffi.load("libc.so.6");
  try {
    const pcap = koffi.load("libpcap.so.0.8");
    const of = (library: typeof pcap, prototypes: readonly string[]): [string, unknown][] =>
      prototypes.map((prototype) => [/(\w+)\(/.exec(prototype)![1]!, library.func(prototype)]);
    return {
      ...(Object.fromEntries([...of(pcap, pcapPrototypes), ...of(libc, libcPrototypes)]) as unknown as Libpcap),
      pcap_dump: koffi.address(pcap.symbol("pcap_dump")),
      view: (address, length) => new Uint8Array(koffi.view(address, length)),
    };
  } catch (cause) {
    throw new MitsuError(`cannot load libpcap.so.0.8: ${(cause as Error).message}`, {
      code: "ERR_LIBPCAP_MISSING",
      hint: "install it: apt-get install libpcap0.8 (libpcap0.8t64 on newer systems)",
      exit: exitStatus.unsupported,
      cause,
    });
  }
}

/**
 * libpcap's functions.
 *
 * @throws {MitsuError} `ERR_LIBPCAP_MISSING` when it is not installed.
 */
export function libpcap(): Promise<Libpcap> {
  bound ??= bind();
  return bound;
}

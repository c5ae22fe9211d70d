/** Blocks of packets from a file, a pipe or an interface. @module */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Libpcap, libpcap } from "./libpcap.ts";
import { nextPacket } from "./packet-resync.ts";

/** Bytes of a pcap file's record header: seconds, microseconds, bytes captured, bytes on the wire, each 32 bits of the host's order. */
export const recordHeaderBytes = 16;

const fileHeaderBytes = 24;
/** Packets a call into C brings; of 64 KiB each they are still only 64 MiB. */
const batch = 1024;
/** Of what is captured live: enough for every header down to TCP's options, also with two VLAN tags and IPv6's extensions. */
const liveSnapBytes = 256;
const liveBufferBytes = 16 * 1024 * 1024;

/** Packets in the form of a pcap file's records, valid until the next block is asked for. */
export interface PacketBlock {
  readonly bytes: Uint8Array;
  /** A corrupt place came after these packets, or the file ended in the middle of one: one sentence. */
  readonly fault: string | null;
  /** Bytes of the file that were passed over for it. */
  readonly skippedBytes: number;
}

/** An open source of packets. */
export class PacketReader {
  readonly name: string;
  /** As `pcap_datalink` tells it. */
  readonly linkType: number;
  /** Bytes of the file; 0 when that is not known. */
  readonly size: number;
  readonly #pcap: Libpcap;
  readonly #handle: bigint;
  readonly #file: bigint | null;
  readonly #path: string | null;
  readonly #stream: bigint;
  readonly #dumper: bigint;
  /** open_memstream keeps these addresses and writes to them: buffers of their own never move, as small arrays may. */
  readonly #text = new BigUint64Array(new ArrayBuffer(8));
  readonly #length = new BigUint64Array(new ArrayBuffer(8));
  #headerTaken = false;
  #packets = 0;
  #lastSecond = 0;
  #ended = false;

  private constructor(
    pcap: Libpcap,
    handle: bigint,
    source: { readonly name: string; readonly path: string | null; readonly file: bigint | null },
  ) {
    this.#pcap = pcap;
    this.#handle = handle;
    this.#file = source.file;
    this.#path = source.path;
    this.name = source.name;
    this.size = source.path === null ? 0 : statSync(source.path).size;
    this.linkType = pcap.pcap_datalink(handle);
    const stream = pcap.open_memstream(this.#text, this.#length);
    const dumper = stream && pcap.pcap_dump_fopen(handle, stream);
    if (!stream || !dumper) {
      const why = pcap.pcap_geterr(handle);
      pcap.pcap_close(handle);
      throw unreadable(source.name, why);
    }
    this.#stream = stream;
    this.#dumper = dumper;
  }

  /**
   * Opens a pcap or pcapng file; `-` is stdin.
   *
   * @throws {MitsuError} `ERR_PCAP_UNREADABLE`; `ERR_LIBPCAP_MISSING`.
   */
  static async file(path: string): Promise<PacketReader> {
    const pcap = await libpcap();
    const name = path === "-" ? "stdin" : path;
    const regular = path === "-" ? fstatSync(0).isFile() : statOf(path).isFile();
    const file = path === "-" ? pcap.fdopen(pcap.dup(0), "r") : pcap.fopen(path, "r");
    if (!file) throw unreadable(name, "no right to read it");
    const errors = new Uint8Array(256);
    const handle = pcap.pcap_fopen_offline(file, errors);
    if (!handle) {
      pcap.fclose(file);
      throw unreadable(name, textOf(errors));
    }
    return new PacketReader(pcap, handle, { name, path: regular && path !== "-" ? path : null, file });
  }

  /**
   * Captures what passes an interface; `any` is all of them.
   *
   * @throws {MitsuError} `ERR_CAPTURE`: no such interface, no right to capture; `ERR_LIBPCAP_MISSING`.
   */
  static async live(device: string): Promise<PacketReader> {
    const pcap = await libpcap();
    const errors = new Uint8Array(256);
    const handle = pcap.pcap_create(device, errors);
    if (!handle) throw captureError(device, textOf(errors));
    pcap.pcap_set_snaplen(handle, liveSnapBytes);
    pcap.pcap_set_promisc(handle, 0);
    pcap.pcap_set_timeout(handle, 50);
    pcap.pcap_set_buffer_size(handle, liveBufferBytes);
    const status = pcap.pcap_activate(handle);
    if (status < 0 || pcap.pcap_setnonblock(handle, 1, errors) < 0) {
      const why = pcap.pcap_geterr(handle) || pcap.pcap_statustostr(status);
      pcap.pcap_close(handle);
      throw captureError(device, why);
    }
    return new PacketReader(pcap, handle, { name: device, path: null, file: null });
  }

  /** The next packets; null at the end of a file. Of an interface an empty block says that none wait. */
  async next(): Promise<PacketBlock | null> {
    if (this.#ended) return null;
    const result = await this.#dispatch();
    const bytes = this.#take();
    if (result >= 0) {
      // At the end of a file 0 is returned, whatever came before it.
      if (this.#file !== null && result === 0) this.#ended = true;
      return this.#ended && bytes.length === 0 ? null : { bytes, fault: null, skippedBytes: 0 };
    }
    return { bytes, ...this.#recover(this.#pcap.pcap_geterr(this.#handle)) };
  }

  /** Where in the file it is, bytes; 0 when that is not known. */
  get position(): number {
    return this.#file === null ? 0 : Math.max(0, this.#pcap.ftell(this.#file));
  }

  /** Packets of a live capture that the kernel, or the interface, had no room for. */
  lost(): number {
    const stats = new Uint32Array(3);
    return this.#file === null && this.#pcap.pcap_stats(this.#handle, stats) === 0 ? stats[1]! + stats[2]! : 0;
  }

  close(): void {
    this.#pcap.pcap_dump_close(this.#dumper);
    this.#pcap.free(this.#text[0]!);
    this.#pcap.pcap_close(this.#handle);
  }

  /** A file on disk answers at once; a pipe may keep its reader waiting, so that is done on another thread, and signals still arrive. */
  #dispatch(): Promise<number> | number {
    const { pcap_dispatch: dispatch, pcap_dump: callback } = this.#pcap;
    if (this.#path !== null || this.#file === null) return dispatch(this.#handle, batch, callback, this.#dumper);
    return new Promise((resolve, reject) => {
      dispatch.async(this.#handle, batch, callback, this.#dumper, (error, result) => (error ? reject(error) : resolve(result)));
    });
  }

  /** What `pcap_dump` has written since the last time, and room for what it will. */
  #take(): Uint8Array {
    this.#pcap.pcap_dump_flush(this.#dumper);
    const length = Number(this.#length[0]!);
    const all = this.#pcap.view(this.#text[0]!, length).slice();
    this.#pcap.fseek(this.#stream, 0, 0);
    // The first block begins with a file's header, which pcap_dump_fopen wrote.
    const bytes = this.#headerTaken ? all : all.subarray(fileHeaderBytes);
    this.#headerTaken = true;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + recordHeaderBytes <= bytes.length; at += recordHeaderBytes + view.getUint32(at + 8, true)) {
      this.#packets++;
      this.#lastSecond = view.getUint32(at, true);
    }
    return bytes;
  }

  /** After an error: goes on where the next packet seems to begin, if there is one. */
  #recover(why: string): { readonly fault: string; readonly skippedBytes: number } {
    const packet = this.#packets + 1;
    const at = this.position;
    const place = `${this.name}: packet ${packet}${at > 0 ? `, at byte ${at}` : ""}`;
    const next = this.#path === null ? null : this.#findNext(at);
    if (next !== null) {
      this.#pcap.clearerr(this.#file!);
      this.#pcap.fseek(this.#file!, next, 0);
      return { fault: `${place}: ${why}; skipped ${next - at} bytes to the next packet`, skippedBytes: next - at };
    }
    this.#ended = true;
    const rest = Math.max(0, this.size - at);
    if (/truncated/.test(why))
      return { fault: `${place}: the file ends in the middle of it; what came before is used`, skippedBytes: rest };
    return { fault: `${place}: ${why}; what follows cannot be read`, skippedBytes: rest };
  }

  #findNext(from: number): number | null {
    const fd = openSync(this.#path!, "r");
    try {
      const read = (at: number, length: number): Uint8Array => {
        const bytes = new Uint8Array(length);
        return bytes.subarray(0, readSync(fd, bytes, 0, length, at));
      };
      return nextPacket(read, this.size, from, this.#lastSecond);
    } finally {
      closeSync(fd);
    }
  }
}

function statOf(path: string): { readonly isFile: () => boolean } {
  try {
    const found = statSync(path);
    if (found.isDirectory()) throw new Error("it is a folder");
    return found;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw unreadable(path, code === "ENOENT" ? "no such file" : (cause as Error).message, cause);
  }
}

function textOf(errors: Uint8Array): string {
  return new TextDecoder().decode(errors.subarray(0, errors.indexOf(0)));
}

function unreadable(name: string, why: string, cause?: unknown): MitsuError {
  return new MitsuError(`cannot read packets of ${name}: ${why}`, {
    code: "ERR_PCAP_UNREADABLE",
    exit: exitStatus.data,
    hint: "a pcap or pcapng file is needed, as tcpdump -w writes it; unpack a compressed one first",
    cause,
  });
}

function captureError(device: string, why: string): MitsuError {
  const rights = /permission|not permitted/i.test(why);
  return new MitsuError(`cannot capture at ${device}: ${why}`, {
    code: "ERR_CAPTURE",
    exit: rights ? exitStatus.rights : exitStatus.system,
    hint: rights ? "run it as root, or with CAP_NET_RAW" : "name an interface of this host (ip link), or any",
  });
}

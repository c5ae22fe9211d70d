/** Who opened the connections that sockhijack sends here, from the maps it pins. @module */
import { BpfMap, type MappedMemory } from "@mitsu/ebpf-ts";
import { AddressCache } from "./address-cache.ts";
import { addressRecord, callerKey, callerRecord, nameBytes } from "./caller-record.ts";

/** The client's end of a connection that was sent here in place of a replica. */
export interface SentCaller {
  /** Service of the client's cgroup; empty for a program that belongs to none. */
  readonly service: string;
  /** The service it asked for, and what it connected to: that one's virtual address, or a replica's real one. */
  readonly asked: { readonly service: string; readonly address: string; readonly port: number };
}

interface Name {
  /** `Int32Array[nameWords]`, as they stood there. */
  readonly words: Int32Array;
  readonly text: string;
}

const nameWords = nameBytes / 4;

/**
 * The kernel's record of each connection, there before the connection can be accepted, and taken out as it is asked for. Names lie in memory that
 * sockhijack writes before a program can use its number, so they are read afresh each time, at no system call.
 *
 * @example
 * ```ts
 * using callers = Callers.open("/sys/fs/bpf/mitsu/v6");
 * callers.of("127.0.0.1", 15001, "127.0.0.1", 41234)?.service; // web
 * ```
 */
export class Callers {
  readonly #map: BpfMap;
  readonly #names: MappedMemory;
  readonly #words: Int32Array;
  readonly #known: Name[] = [];
  readonly #addresses = new AddressCache();
  readonly #key = new Uint8Array(callerKey.size);
  readonly #keyView: DataView = new DataView(this.#key.buffer);
  readonly #value: Buffer = Buffer.alloc(callerRecord.size);

  private constructor(map: BpfMap, names: MappedMemory) {
    this.#map = map;
    this.#names = names;
    this.#words = new Int32Array(names.bytes.buffer, 0, names.bytes.length / 4);
  }

  /**
   * Opens the maps of a running sockhijack.
   *
   * @param pins Its folder of pins, as its `status` says.
   * @throws {MitsuError} ERR_BPF_MISSING, ERR_BPF_RIGHTS, ERR_LIBBPF_MISSING.
   * @throws {RangeError} when it is of another version.
   */
  static open(pins: string): Callers {
    const map = BpfMap.open(`${pins}/map_callers`);
    try {
      if (map.keySize !== callerKey.size || map.valueSize !== callerRecord.size)
        throw new RangeError(`${pins} is of another version of sockhijack: restart it with the one that nicd came with`);
      using names = BpfMap.open(`${pins}/map_names`);
      return new Callers(map, names.mmap());
    } catch (error) {
      map.close();
      throw error;
    }
  }

  /** The caller of an accepted connection, once: the record goes. Null when sockhijack has not sent it. */
  of(localAddress: string, localPort: number, remoteAddress: string, remotePort: number): SentCaller | null {
    const local = this.#addresses.bytes(localAddress);
    const remote = this.#addresses.bytes(remoteAddress);
    if (!local || !remote) return null;
    this.#key.set(remote, callerKey.offsets.remote_ip);
    this.#key.set(local, callerKey.offsets.local_ip);
    this.#keyView.setUint16(callerKey.offsets.remote_port, remotePort);
    this.#keyView.setUint16(callerKey.offsets.local_port, localPort);
    if (!this.#map.takeInto(this.#key, this.#value)) return null;
    const { asked } = callerRecord.offsets;
    return {
      service: this.#name(this.#value.readUInt32LE(callerRecord.offsets.service)),
      asked: {
        service: this.#name(this.#value.readUInt32LE(callerRecord.offsets.asked_service)),
        address: this.#addresses.text(this.#value, asked + addressRecord.offsets.ip),
        port: this.#value.readUInt16BE(asked + addressRecord.offsets.port),
      },
    };
  }

  /** The name of a service. Its number may have been another's: what is remembered must be what stands there now. */
  #name(service: number): string {
    if (service === 0) return "";
    const begin = service * nameWords;
    const known = this.#known[service];
    let same = 0;
    while (known && same < nameWords && known.words[same] === this.#words[begin + same]) same++;
    if (known && same === nameWords) return known.text;
    const words = this.#words.slice(begin, begin + nameWords);
    const text = Buffer.from(words.buffer).toString("latin1").replace(/\0.*$/s, "");
    this.#known[service] = { words, text };
    return text;
  }

  close(): void {
    this.#map.close();
    this.#names.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Traffic by captured packets: a pcap file, stdin, or an interface. @module */
import { basename } from "node:path";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { formatBytes } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { AddressBook } from "./address-book.ts";
import { FlowTable } from "./flow-table.ts";
import { type DecodeFrame, decoderOf } from "./link-layer.ts";
import type { Observation, ReadOptions } from "./observation.ts";
import { type PacketBlock, PacketReader, recordHeaderBytes } from "./packet-reader.ts";
import { emptySegment, type Refusal } from "./segment.ts";

/** What packets are read with. */
export interface PacketOptions extends ReadOptions {
  readonly book: AddressBook;
}

/** How long an interface is listened to. */
export interface CaptureOptions extends PacketOptions {
  readonly seconds: number;
  /** Monotonic, nanoseconds. */
  readonly nowNs: () => bigint;
}

/** Pause when no packet waits. */
const idleMs = 20;
const toldFaults = 10;
const toldUnknown = 5;

/** Counts what blocks of packets hold. */
class PacketCounter {
  readonly #table: FlowTable;
  readonly #decode: DecodeFrame;
  readonly #segment = emptySegment();
  readonly #faults: string[] = [];
  readonly #refused: Record<Refusal, number> = { other: 0, "cut off": 0, malformed: 0 };
  #faultCount = 0;
  packets = 0;
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(book: AddressBook, decode: DecodeFrame) {
    this.#table = new FlowTable(book);
    this.#decode = decode;
  }

  add({ bytes, fault }: PacketBlock): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + recordHeaderBytes <= bytes.length; ) {
      const captured = view.getUint32(at + 8, true);
      const ms = view.getUint32(at, true) * 1000 + view.getUint32(at + 4, true) / 1000;
      const frame = at + recordHeaderBytes;
      const refused = this.#decode(bytes, frame, frame + captured, frame + view.getUint32(at + 12, true), this.#segment);
      if (refused === null) this.#table.add(this.#segment);
      else this.#refused[refused]++;
      this.packets++;
      this.#firstMs = Math.min(this.#firstMs, ms);
      this.#lastMs = Math.max(this.#lastMs, ms);
      at = frame + captured;
    }
    if (fault === null) return;
    this.#faultCount++;
    if (this.#faults.length < toldFaults) this.#faults.push(fault);
  }

  /** Between the first packet and the last. */
  get seconds(): number {
    return this.packets > 1 ? (this.#lastMs - this.#firstMs) / 1000 : 0;
  }

  observation(source: string, seconds: number, more: readonly string[]): Observation {
    const pairs = this.#table.pairs();
    const { malformed, "cut off": cutOff } = this.#refused;
    return {
      source,
      kind: "count",
      partial: true,
      seconds,
      edges: pairs
        .filter(({ from, to }) => from !== to)
        .map(({ from, to, messages, bytes }) => ({
          from,
          to,
          messagesPerSecond: messages / seconds,
          bytesPerSecond: bytes / seconds,
          estimated: false,
        })),
      services: [],
      records: this.packets,
      skipped: malformed + cutOff + this.#faultCount,
      notices: [...this.#notices(source), ...more],
    };
  }

  #notices(source: string): string[] {
    const { malformed, "cut off": cutOff } = this.#refused;
    const { orphanFragments, forgottenFlows, repeatedBytes } = this.#table.counts();
    const unknown = this.#table.unknown();
    const top = unknown
      .slice(0, toldUnknown)
      .map(({ address, packets, bytes }) => `${address} (${packets} packets, ${formatBytes(bytes)})`);
    return [
      ...this.#faults,
      ...(this.#faultCount > toldFaults ? [`${source}: ${this.#faultCount - toldFaults} more corrupt places`] : []),
      ...(malformed > 0 ? [`${source}: ${malformed} packets are malformed and were left out`] : []),
      ...(cutOff > 0
        ? [`${source}: ${cutOff} packets were captured too short to tell their ports; capture more of each (tcpdump -s 256)`]
        : []),
      ...(orphanFragments > 0 ? [`${source}: ${orphanFragments} fragments came without the first of theirs`] : []),
      ...(forgottenFlows > 0 ? [`${source}: ${forgottenFlows} flows were forgotten, since there are too many at a time`] : []),
      ...(repeatedBytes > 0 ? [`${source}: ${formatBytes(repeatedBytes)} were sent again and are counted once`] : []),
      ...(top.length > 0 ? [`${source}: ${unknown.length} addresses belong to no service: ${top.join(", ")}`] : []),
    ];
  }
}

/**
 * Reads a pcap or pcapng file to its end; `-` is stdin. Corrupt places are told and passed over; of a file that is cut off, what is there counts.
 *
 * @throws {MitsuError} `ERR_PCAP_UNREADABLE`, `ERR_PCAP_LINK_TYPE`, `ERR_LIBPCAP_MISSING`.
 */
export async function observePcap(path: string, { book, signal, progress }: PacketOptions): Promise<Observation> {
  const source = `pcap:${path === "-" ? "stdin" : basename(path)}`;
  const reader = await PacketReader.file(path);
  const notices: string[] = [];
  let closed = true;
  try {
    const counter = new PacketCounter(book, decoderFor(reader));
    for (;;) {
      const block = await orAborted(reader.next(), signal);
      if (block === "aborted") {
        closed = false; // another thread still waits in libpcap for a pipe: it must keep its handle
        break;
      }
      if (block === null) break;
      counter.add(block);
      const of = reader.size > 0 ? ` of ${formatBytes(reader.size)}` : "";
      progress(`${source}: ${formatBytes(reader.position)}${of}, ${counter.packets} packets`);
      await turn(); // lets signals in
      if (signal.aborted) break;
    }
    if (signal.aborted) notices.push(`${source}: interrupted after ${counter.packets} packets`);
    let { seconds } = counter;
    if (!(seconds > 0) && counter.packets > 0) {
      seconds = 1;
      notices.push(`${source}: its packets have one time; they count as those of a second`);
    }
    return counter.observation(source, Math.max(seconds, 1e-6), notices);
  } finally {
    if (closed) reader.close();
  }
}

/**
 * Captures at an interface for a time.
 *
 * @throws {MitsuError} `ERR_CAPTURE`, `ERR_PCAP_LINK_TYPE`, `ERR_LIBPCAP_MISSING`.
 */
export async function observeInterface(device: string, options: CaptureOptions): Promise<Observation> {
  const { book, signal, progress, seconds, nowNs } = options;
  const source = `capture:${device}`;
  const reader = await PacketReader.live(device);
  try {
    const counter = new PacketCounter(book, decoderFor(reader));
    const beganNs = nowNs();
    const elapsed = (): number => Number(nowNs() - beganNs) / 1e9;
    const notices: string[] = [];
    while (elapsed() < seconds && !signal.aborted) {
      const block = await reader.next();
      if (block) counter.add(block);
      if (block?.fault) break; // the interface has gone
      progress(`${source}: ${elapsed().toFixed(1)} of ${seconds} s, ${counter.packets} packets`);
      if (!block || block.bytes.length === 0) await sleep(idleMs, undefined, { signal }).catch(() => {});
      else await turn();
    }
    const lost = reader.lost();
    if (lost > 0) notices.push(`${source}: ${lost} packets were lost: the figures are too low by about ${share(lost, counter.packets)}`);
    return counter.observation(source, elapsed(), notices);
  } finally {
    reader.close();
  }
}

function share(lost: number, seen: number): string {
  return `${((100 * lost) / (lost + seen)).toFixed(1)} %`;
}

function decoderFor({ linkType, name }: PacketReader): DecodeFrame {
  const decode = decoderOf(linkType);
  if (decode) return decode;
  throw new MitsuError(`cannot read packets of ${name}: link type ${linkType} is not known`, {
    code: "ERR_PCAP_LINK_TYPE",
    exit: exitStatus.data,
    hint: "capture at an Ethernet or loopback interface, or at any",
  });
}

function orAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T | "aborted"> {
  if (signal.aborted) return Promise.resolve("aborted");
  const { promise, resolve } = Promise.withResolvers<"aborted">();
  const abort = (): void => resolve("aborted");
  signal.addEventListener("abort", abort, { once: true });
  return Promise.race([result, promise]).finally(() => signal.removeEventListener("abort", abort));
}

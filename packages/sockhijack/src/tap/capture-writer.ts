/** Redirected messages as a pcapng file: each message as the TCP segments it would have been. @module */
import type { TapMessage } from "@mitsu/ipc";
import { isMapped } from "../kernel/ip.ts";
import { enhancedPacket, interfaceBlock, sectionHeader } from "./pcapng.ts";
import { tcpPacket } from "./tcp-packet.ts";

/** Payload of one synthetic segment; the IPv4 length field ends at 65535. */
const segmentBytes = 32_768;

/**
 * Turns messages into packets. Sequence numbers are made up from 1 on, so that Wireshark can follow each stream; there is no handshake,
 * and data the kernel did not copy (beyond 4096 bytes of a message) shows as "packet size limited during capture".
 *
 * @example
 * ```ts
 * const capture = new CaptureWriter("sockhijack tap web");
 * file.write(capture.header());
 * for (const packet of capture.packets(message)) file.write(packet);
 * ```
 */
export class CaptureWriter {
  readonly #application: string;
  /** Next sequence number by direction. */
  readonly #sent = new Map<string, number>();

  /** @param application Shown in the file's properties. */
  constructor(application: string) {
    this.#application = application;
  }

  /** The blocks that begin the file. */
  header(): Uint8Array {
    return Buffer.concat([sectionHeader(this.#application), interfaceBlock("sockhijack")]);
  }

  /** The packets of one message, each with the services' names as a comment. */
  *packets(message: TapMessage): Generator<Uint8Array> {
    const key = directionKey(message.source, message.sourcePort, message.destination, message.destinationPort);
    const back = directionKey(message.destination, message.destinationPort, message.source, message.sourcePort);
    const comment = `${message.from || "(outside)"} → ${message.to || "(outside)"}, redirected`;
    for (let at = 0; at < message.length; at += segmentBytes) {
      const length = Math.min(segmentBytes, message.length - at);
      const sequence = this.#sent.get(key) ?? 1;
      const data = message.data.subarray(at, at + length);
      const { bytes, fullLength } = tcpPacket({
        source: plain(message.source),
        destination: plain(message.destination),
        sourcePort: message.sourcePort,
        destinationPort: message.destinationPort,
        sequence,
        acknowledgement: this.#sent.get(back) ?? 1,
        data,
        length,
      });
      this.#sent.set(key, (sequence + length) >>> 0);
      yield enhancedPacket(BigInt(message.timeNs), bytes, fullLength, comment);
    }
  }
}

/** 4 bytes of an IPv4 address, 16 of an IPv6 one. */
function plain(ip: Uint8Array): Uint8Array {
  return isMapped(ip) ? ip.subarray(12) : ip;
}

function directionKey(from: Uint8Array, fromPort: number, to: Uint8Array, toPort: number): string {
  return `${Buffer.from(from).toString("hex")}:${fromPort}>${Buffer.from(to).toString("hex")}:${toPort}`;
}

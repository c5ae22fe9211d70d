/**
 * One captured packet, down to its TCP or UDP payload.
 *
 * Decoding fills one object again and again: a million packets a second leave no room for garbage.
 * @module
 */

/** IPv4 addresses are their 32 bits, IPv6 ones their four times 32 bits in hexadecimal, joined by colons (`20010db8:0:0:1`). */
export type AddressKey = number | string;

/** What a decoded packet says. */
export interface Segment {
  source: AddressKey;
  destination: AddressKey;
  /** 0 in fragments but the first. */
  sourcePort: number;
  destinationPort: number;
  protocol: "tcp" | "udp";
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16. [RFC 9293 §3.1] */
  flags: number;
  sequence: number;
  /** Payload bytes on the wire, however few of them were captured. */
  payload: number;
  /** Bytes of TCP's header; where it begins in fragments. */
  headerBytes: number;
  /** Where this fragment begins in the datagram; 0 in whole packets. */
  fragmentAt: number;
  /** Names the datagram that this is a part of; null in whole packets. */
  fragmentOf: string | null;
}

/** A segment to decode into. */
export function emptySegment(): Segment {
  return {
    source: 0,
    destination: 0,
    sourcePort: 0,
    destinationPort: 0,
    protocol: "tcp",
    flags: 0,
    sequence: 0,
    payload: 0,
    headerBytes: 0,
    fragmentAt: 0,
    fragmentOf: null,
  };
}

/** Why a packet was left out: `other` is neither TCP nor UDP over IP; the rest says what is wrong with it. */
export type Refusal = "other" | "cut off" | "malformed";

/** Whether {@link decodeIp}, {@link decodePacket} or any other filled the segment. */
export type Decoded = Refusal | null;

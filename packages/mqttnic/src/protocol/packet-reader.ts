/** Reads the fields of a packet one after the other, never past its end. @module */
import { PacketError, type Properties } from "./packet.ts";
import { decodeProperties } from "./property-decode.ts";
import { dataEnd, textEnd } from "./utf8.ts";
import { readVariableInteger, variableIntegerBytes } from "./variable-integer.ts";

/** A place in a packet; strings and binary data it gives out are copies. All methods throw a {@link PacketError} 0x81 for what goes past `end`. */
export class PacketReader {
  readonly buffer: Buffer;
  readonly end: number;
  at: number;
  /** Where the properties that were read last begin; they end at {@link at} then. */
  propertiesStart = 0;

  constructor(buffer: Buffer, at: number, end: number) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
  }

  byte(): number {
    return this.buffer[this.#take(1)]!;
  }

  u16(): number {
    return this.buffer.readUInt16BE(this.#take(2));
  }

  /** @throws {PacketError} 0x82 for 0. */
  packetId(): number {
    const id = this.u16();
    if (id === 0) throw new PacketError(0x82, "[MQTT-2.2.1-3] a packet identifier is 0");
    return id;
  }

  /** A string, checked. */
  text(): string {
    const start = this.at + 2;
    this.at = textEnd(this.buffer, this.at, this.end);
    return this.buffer.toString("utf8", start, this.at);
  }

  binary(): Buffer {
    const start = this.at + 2;
    this.at = dataEnd(this.buffer, this.at, this.end);
    return Buffer.from(this.buffer.subarray(start, this.at));
  }

  /** Properties and the length before them; see {@link decodeProperties}. */
  properties(place: number): Properties {
    const length = readVariableInteger(this.buffer, this.at, this.end);
    this.at += variableIntegerBytes(length);
    this.propertiesStart = this.#take(length);
    return decodeProperties(this.buffer, this.propertiesStart, this.at, place);
  }

  /** Nothing may be left. */
  done(): void {
    if (this.at !== this.end) throw new PacketError(0x81, `${this.end - this.at} bytes are left behind the last field of a packet`);
  }

  #take(bytes: number): number {
    const start = this.at;
    if (start + bytes > this.end) throw new PacketError(0x81, "a packet ends in the middle of a field");
    this.at = start + bytes;
    return start;
  }
}

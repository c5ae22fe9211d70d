/** Packets, one at a time, through a module that takes 8 bytes a beat and gives one result a packet: toeplitz, internet_checksum. @module */
import { MitsuError } from "@mitsu/cli/error";
import { goneError } from "@mitsu/hal";

/** Its ports, as the generated classes have them. */
export interface PacketPorts {
  s_valid: number;
  s_data: bigint;
  s_keep: number;
  s_last: number;
  readonly s_ready: number;
  m_ready: number;
  readonly m_valid: number;
  readonly m_data: number;
  reset(): void;
  step(): void;
}

/** How a device over such a module is made. */
export interface PacketDeviceOptions {
  /** Among the devices of a placement. */
  readonly name?: string;
  /** {@link packetClockMhz} unless told. */
  readonly clockMhz?: number;
}

/** The clock that costs are stated at, in MHz: an assumption, below the 130 MHz that nextpnr gives internet_checksum in an iCE40 HX8K. */
export const packetClockMhz = 100;

/** Cycles after the last beat without a result by which the module is broken. */
const patience = 100;

/** Beats of a packet, which are the cycles that it keeps the module busy. One without bytes has one. */
export function packetBeats(packetBytes: number): number {
  return Math.max(1, Math.ceil(packetBytes / 8));
}

/**
 * What sends packets through a module, which is reset first.
 *
 * @param failed Called when the model ended or does not answer: it is not asked again.
 * @returns Gives a packet's result, and throws `ERR_HAL_GONE` from a failure on: a placement then goes on elsewhere.
 */
export function packetSender(ports: PacketPorts, name: string, failed?: (error: unknown) => void): (packet: Uint8Array) => number {
  ports.reset();
  let isGone = false;
  return (packet) => {
    if (isGone) throw goneError(name);
    try {
      return sendPacket(ports, packet);
    } catch (error) {
      isGone = true;
      failed?.(error);
      throw goneError(name, error);
    }
  };
}

/** Sends a packet and waits for its result. Before and after it the module holds none. */
function sendPacket(ports: PacketPorts, packet: Uint8Array): number {
  const beats = packetBeats(packet.length);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  ports.m_ready = 1;
  ports.s_valid = 1;
  for (let beat = 0; beat < beats; beat++) {
    const left = packet.length - 8 * beat;
    ports.s_data = left >= 8 ? view.getBigUint64(8 * beat, true) : lastBytes(packet, 8 * beat);
    ports.s_keep = left >= 8 ? 0xff : (1 << left) - 1;
    ports.s_last = beat === beats - 1 ? 1 : 0;
    // The sink is always ready: a beat that is not taken at once never is.
    if (ports.s_ready === 0) throw silent("does not take a beat");
    ports.step();
  }
  ports.s_valid = 0;
  for (let waited = 0; ports.m_valid === 0; waited++) {
    if (waited === patience) throw silent(`gives no result within ${patience} cycles`);
    ports.step();
  }
  const result = ports.m_data;
  ports.step();
  return result;
}

function lastBytes(packet: Uint8Array, from: number): bigint {
  let data = 0n;
  for (let at = packet.length - 1; at >= from; at--) data = (data << 8n) | BigInt(packet[at]!);
  return data;
}

function silent(what: string): MitsuError {
  return new MitsuError(`the module ${what}`, { code: "ERR_HDL_STALL", hint: "look at the handshake in a trace" });
}

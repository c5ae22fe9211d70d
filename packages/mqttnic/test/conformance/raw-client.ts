/** A client that sends what it is told, right or wrong, and shows what comes, in order. @module */
import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import mqttPacket, { type Packet } from "mqtt-packet";
import { packetType } from "./wire.ts";

/** 3 is MQTT 3.1, 4 is 3.1.1. */
export type Version = 3 | 4 | 5;

/** A packet that came: as npm `mqtt-packet`, a codec nobody here wrote, reads it, with its bytes. */
export type Received<C extends Packet["cmd"] = Packet["cmd"]> = Extract<Packet, { cmd: C }> & { readonly bytes: Buffer };

/** Only for hangs: what is awaited comes at once, or within the seconds that a test itself waits for. Known shortfalls of mosquitto are hangs too. */
const hangMs = process.env.MITSU_CONFORMANCE_BROKER === "mosquitto" ? 4000 : 10_000;

/** Names of the types, by number. */
const names = Object.fromEntries(Object.entries(packetType).map(([name, type]) => [type, name]));

/** A connection. Packets wait in order until they are asked for. */
export class RawClient {
  readonly socket: Socket;
  readonly version: Version;
  /** The answer to CONNECT, once there was one. */
  connack: Received<"connack"> | undefined;
  readonly #received: Received[] = [];
  #waiting: (() => void) | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;
  #broken: Error | undefined;

  private constructor(socket: Socket, version: Version) {
    this.socket = socket;
    this.version = version;
    socket.on("data", (data) => this.#read(data));
    socket.on("error", () => {}); // a reset is a close too
    socket.on("close", () => {
      this.#ended = true;
      this.#waiting?.();
    });
  }

  /** Connects on TCP, and says nothing. */
  static async open(host: string, port: number, version: Version): Promise<RawClient> {
    const socket = connectSocket({ host, port, noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket, version);
  }

  send(...packets: readonly Packet[]): void {
    this.socket.write(Buffer.concat(packets.map((packet) => encode(packet, this.version))));
  }

  sendBytes(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The next packet, which must be of this type. @throws {Error} with what came instead. */
  async expect<C extends Packet["cmd"]>(cmd: C): Promise<Received<C>> {
    const next = await this.next();
    if (next === undefined) throw new Error(`expected ${cmd}, but the broker closed the connection`);
    if (next.cmd !== cmd) throw new Error(`expected ${cmd}, got ${describe(next)}`);
    return next as Received<C>;
  }

  /** The next packet, or undefined when the broker has closed the connection. @throws {Error} when neither happens. */
  async next(): Promise<Received | undefined> {
    if (this.#received.length === 0 && !this.#ended) await this.#change();
    if (this.#broken) throw this.#broken;
    return this.#received.shift();
  }

  /** The first packet of this type, with this packet id if one is given; others stay where they are. */
  async pick<C extends Packet["cmd"]>(cmd: C, messageId?: number): Promise<Received<C>> {
    for (;;) {
      const at = this.#received.findIndex((one) => one.cmd === cmd && (messageId === undefined || one.messageId === messageId));
      if (at >= 0) return this.#received.splice(at, 1)[0] as Received<C>;
      if (this.#broken) throw this.#broken;
      if (this.#ended)
        throw new Error(`waited for ${cmd}, but the broker closed the connection, after ${this.#received.map(describe).join("; ")}`);
      await this.#change();
    }
  }

  /** Everything that came before the answer to a PINGREQ that is sent now: proof of what did not come. */
  async untilPong(): Promise<Received[]> {
    this.send({ cmd: "pingreq" });
    const before: Received[] = [];
    for (;;) {
      const next = await this.next();
      if (next === undefined)
        throw new Error(`the broker closed the connection instead of answering PINGREQ, after ${before.map(describe)}`);
      if (next.cmd === "pingresp") return before;
      before.push(next);
    }
  }

  /** Waits until the broker closes the connection. @returns What it sent before. */
  async closed(): Promise<Received[]> {
    const before: Received[] = [];
    for (;;) {
      const next = await this.next();
      if (next === undefined) return before;
      before.push(next);
    }
  }

  /** Goes in peace. */
  async disconnect(properties?: { readonly reasonCode?: number; readonly sessionExpiryInterval?: number }): Promise<void> {
    const { reasonCode = 0, sessionExpiryInterval } = properties ?? {};
    this.send({
      cmd: "disconnect",
      reasonCode,
      ...(sessionExpiryInterval === undefined ? {} : { properties: { sessionExpiryInterval } }),
    });
    await this.#end();
  }

  /** Goes without a word: the broker sees the end of the stream and no DISCONNECT. */
  async vanish(): Promise<void> {
    await this.#end();
  }

  async #end(): Promise<void> {
    this.socket.end();
    while (!this.#ended) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve, reject) => {
      const hang = setTimeout(() => reject(new Error(`nothing came within ${hangMs} ms`)), hangMs).unref();
      this.#waiting = () => {
        clearTimeout(hang);
        this.#waiting = undefined;
        resolve();
      };
    });
  }

  /** Cuts the stream into packets itself, so that the codec sees each alone and its bytes can be kept. */
  #read(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data]);
    for (;;) {
      const end = packetEnd(this.#rest);
      if (end === undefined || end > this.#rest.length) break;
      const whole = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      try {
        this.#received.push(decode(whole, this.version));
      } catch (error) {
        this.#broken = error as Error;
      }
    }
    if (this.#received.length > 0 || this.#broken) this.#waiting?.();
  }
}

/** Bytes of a packet of the codec's. */
export function encode(packet: Packet, version: Version): Buffer {
  return mqttPacket.generate(packet, { protocolVersion: version });
}

/** A packet in words, for messages of failed tests. */
export function describe(packet: Received): string {
  const { bytes, ...rest } = packet;
  return `${packet.cmd} ${JSON.stringify(rest).slice(0, 300)} (${bytes.toString("hex").slice(0, 60)})`;
}

/** How long the first packet is, as far as can be seen yet. */
function packetEnd(buffer: Buffer): number | undefined {
  let length = 0;
  for (let at = 1; at <= 4; at++) {
    const digit = buffer[at];
    if (digit === undefined) return undefined;
    length |= (digit & 0x7f) << (7 * (at - 1));
    if (digit < 0x80) return at + 1 + length;
  }
  throw new Error(`the broker sent a packet with a length of five bytes: ${buffer.subarray(0, 8).toString("hex")}`);
}

function decode(bytes: Buffer, version: Version): Received {
  const parser = mqttPacket.parser({ protocolVersion: version });
  let packet: Packet | undefined;
  parser.on("packet", (one) => {
    packet = one;
  });
  parser.on("error", (error: Error) => {
    throw new Error(`the broker sent a malformed ${names[(bytes[0] ?? 0) >> 4]}: ${error.message} (${bytes.toString("hex").slice(0, 80)})`);
  });
  parser.parse(bytes);
  if (!packet) throw new Error(`the broker sent what is no packet: ${bytes.toString("hex").slice(0, 80)}`);
  return Object.assign(packet, { bytes }) as Received;
}

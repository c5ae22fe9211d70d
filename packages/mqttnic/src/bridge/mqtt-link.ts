/**
 * A connection to a broker as a client that leaves acknowledging to its owner. npm `mqtt` handles one packet at a time and lets nobody answer later without
 * holding up all that follows; two of its clients that wait for each other never end (ADR 17).
 * @module
 */
import type { Duplex } from "node:stream";
import { MitsuError } from "@mitsu/cli/error";
import {
  type ClientConnack,
  type ClientConnect,
  type ClientPublish,
  type ClientSubscription,
  decodeConnack,
  decodePublish,
  disconnect,
  encodeAck,
  encodeConnect,
  encodePublish,
  encodeSubscribe,
  encodeUnsubscribe,
  PacketReader,
  pingreq,
} from "./client-packets.ts";
import { plainTlsError } from "./remote-tls.ts";

/** What a link tells its owner. */
export interface LinkEvents {
  onPublish(publish: ClientPublish): void;
  /** PUBACK (4), PUBREC (5), PUBREL (6) or PUBCOMP (7). */
  onAck(type: 4 | 5 | 6 | 7, packetId: number, reasonCode: number): void;
  /** The stream takes bytes again after {@link MqttLink.full}. */
  onDrain(): void;
  /** Once, whoever ended it; null when {@link MqttLink.end} did. */
  onClose(error: Error | null): void;
}

/** Filters of one SUBSCRIBE at most: keeps the packet below what brokers take. */
const filtersPerPacket = 500;

/** See the module. */
export class MqttLink {
  readonly #stream: Duplex;
  readonly #connect: ClientConnect;
  readonly #events: LinkEvents;
  readonly #pending = new Map<number, (reasonCodes: Buffer) => void>();
  /** PUBLISHes behind one whose id a SUBSCRIBE has now. */
  readonly #held: ClientPublish[] = [];
  #opened: PromiseWithResolvers<ClientConnack> = Promise.withResolvers();
  #ack: ClientConnack | undefined;
  #nextId = 65_535;
  #corked = false;
  #closed = false;
  #wrote = false;
  #heard = true;
  #alive: NodeJS.Timeout | undefined;
  /** Ids that PUBLISHes on their way have; their owner keeps it. */
  readonly inUse: Set<number> = new Set();

  constructor(stream: Duplex, connect: ClientConnect, events: LinkEvents) {
    this.#stream = stream;
    this.#connect = connect;
    this.#events = events;
    this.#opened.promise.catch(() => {});
    const reader = new PacketReader((first, body) => {
      if (!this.#closed) this.#take(first, body);
    });
    stream.on("data", (chunk: Buffer) => {
      if (this.#closed) return;
      this.#heard = true;
      try {
        reader.push(chunk);
      } catch (error) {
        this.fail(error as Error);
      }
    });
    stream.on("error", (error: Error) =>
      this.fail(plainTlsError(error, this.#ack === undefined && "encrypted" in stream ? "silent" : undefined)),
    );
    stream.on("close", () => this.fail(new MitsuError("the other end closed the connection", { code: "ERR_BRIDGE_CLOSED" })));
    stream.on("drain", () => events.onDrain());
    this.#write(encodeConnect(connect));
  }

  /** The CONNACK; rejects when the broker refuses. */
  get opened(): Promise<ClientConnack> {
    return this.#opened.promise;
  }

  /** The CONNACK, once it is there. */
  get connack(): ClientConnack | undefined {
    return this.#ack;
  }

  /** Whether more bytes wait than the stream likes. */
  get full(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Stops or takes up reading; what was read already is still told. */
  set paused(paused: boolean) {
    if (paused) this.#stream.pause();
    else this.#stream.resume();
  }

  /** Subscribes, in several packets when there are many. @returns A reason code for each. */
  async subscribe(subscriptions: readonly ClientSubscription[]): Promise<number[]> {
    const codes: Promise<Buffer>[] = [];
    for (let at = 0; at < subscriptions.length; at += filtersPerPacket)
      codes.push(this.#ask((id) => encodeSubscribe(this.#connect.version, id, subscriptions.slice(at, at + filtersPerPacket))));
    return (await Promise.all(codes)).flatMap((part) => [...part]);
  }

  /** Unsubscribes, in several packets when there are many. */
  async unsubscribe(filters: readonly string[]): Promise<void> {
    const done: Promise<Buffer>[] = [];
    for (let at = 0; at < filters.length; at += filtersPerPacket)
      done.push(this.#ask((id) => encodeUnsubscribe(this.#connect.version, id, filters.slice(at, at + filtersPerPacket))));
    await Promise.all(done);
  }

  /** Sends it; the caller has chosen the packet id. */
  publish(publish: ClientPublish): void {
    if (this.#held.length > 0 || (publish.qos > 0 && this.#pending.has(publish.packetId))) this.#held.push(publish);
    else this.#write(encodePublish(this.#connect.version, publish));
  }

  /** How many bytes a PUBLISH has on this link, as its Maximum Packet Size counts them. */
  bytesOf(publish: ClientPublish): number {
    return 12 + Buffer.byteLength(publish.topic) + publish.properties.length + publish.payload.length;
  }

  acknowledge(type: 4 | 5 | 6 | 7, packetId: number, reasonCode = 0): void {
    this.#write(encodeAck(this.#connect.version, type, packetId, reasonCode));
  }

  /** Says DISCONNECT and closes; the will is not published. */
  end(): void {
    if (this.#closed) return;
    if (this.#ack !== undefined) this.#write(disconnect);
    this.#uncork();
    this.#close(null);
    this.#stream.end();
    // A peer that does not close its half would keep the socket for ever.
    const patience = setTimeout(() => this.#stream.destroy(), 1000);
    patience.unref();
    this.#stream.once("close", () => clearTimeout(patience));
  }

  /** Closes it without a DISCONNECT, for this reason. */
  fail(error: Error): void {
    if (this.#closed) return;
    this.#close(error);
    this.#stream.destroy();
  }

  #close(error: Error | null): void {
    this.#closed = true;
    clearInterval(this.#alive);
    const why = error ?? new MitsuError("the link was closed", { code: "ERR_BRIDGE_CLOSED" });
    this.#opened.reject(why);
    for (const settle of this.#pending.values()) settle(Buffer.alloc(0));
    this.#pending.clear();
    this.#held.length = 0;
    this.#events.onClose(error);
  }

  #ask(encode: (packetId: number) => Buffer): Promise<Buffer> {
    if (this.#closed) return Promise.resolve(Buffer.alloc(0));
    // From the top, because brokers hand ids of their messages, which are used again here, out from 1.
    while (this.inUse.has(this.#nextId) || this.#pending.has(this.#nextId)) this.#nextId = this.#nextId === 1 ? 65_535 : this.#nextId - 1;
    const id = this.#nextId;
    this.#nextId = id === 1 ? 65_535 : id - 1;
    return new Promise((resolve) => {
      this.#pending.set(id, resolve);
      this.#write(encode(id));
    });
  }

  #take(first: number, body: Buffer): void {
    const { version } = this.#connect;
    const type = first >> 4;
    if (this.#ack === undefined && type !== 2) {
      this.fail(new MitsuError(`packet type ${type} before CONNACK`, { code: "ERR_BRIDGE_PROTOCOL" }));
      return;
    }
    switch (type) {
      case 2: {
        const ack = decodeConnack(version, body);
        if (ack.reasonCode !== 0) {
          this.fail(
            new MitsuError(
              `the broker refuses client ${this.#connect.clientId}: CONNACK 0x${ack.reasonCode.toString(16).padStart(2, "0")}`,
              {
                code: "ERR_BRIDGE_REFUSED",
                hint: "see the other broker's log",
                cause: ack.reasonCode,
              },
            ),
          );
          return;
        }
        this.#ack = ack;
        this.#keepAlive((ack.keepAliveS ?? this.#connect.keepAliveS) * 1000);
        this.#opened.resolve(ack);
        return;
      }
      case 3:
        this.#events.onPublish(decodePublish(version, first, body));
        return;
      case 4:
      case 5:
      case 6:
      case 7:
        this.#events.onAck(type, body.readUInt16BE(0), body.length > 2 ? body[2]! : 0);
        return;
      case 9:
      case 11: {
        const id = body.readUInt16BE(0);
        const settle = this.#pending.get(id);
        this.#pending.delete(id);
        // Property lengths of SUBACKs of brokers are below 128 but for a long reason string, which nothing here reads.
        settle?.(type === 9 ? body.subarray(version === 5 ? 3 + body[2]! : 2) : Buffer.alloc(0));
        for (const publish of this.#held.splice(0)) this.publish(publish);
        return;
      }
      case 14: {
        const reason = body.length > 0 ? body[0]! : 0;
        this.fail(
          new MitsuError(`the broker disconnects: 0x${reason.toString(16).padStart(2, "0")}`, {
            code: "ERR_BRIDGE_DISCONNECTED",
            cause: reason,
          }),
        );
        return;
      }
    }
  }

  /** Pings when nothing was written for half the time, and gives up when nothing was heard for one and a half. */
  #keepAlive(ms: number): void {
    if (ms === 0) return;
    let silent = 0;
    this.#alive = setInterval(() => {
      silent = this.#heard ? 0 : silent + 1;
      this.#heard = false;
      if (silent >= 3) this.fail(new MitsuError("nothing heard within the keep-alive", { code: "ERR_BRIDGE_SILENT" }));
      else if (!this.#wrote || silent > 0) this.#write(pingreq);
      this.#wrote = false;
    }, ms / 2);
    this.#alive.unref();
  }

  #write(bytes: Buffer): void {
    if (this.#closed) return;
    this.#wrote = true;
    if (!this.#corked) {
      // One write for all that this turn brings.
      this.#corked = true;
      this.#stream.cork();
      setImmediate(() => this.#uncork());
    }
    this.#stream.write(bytes);
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#stream.uncork();
  }
}

/**
 * One connection of the portable plane. Idle ones must be cheap: the handlers are shared, and find their connection at the socket.
 * @module
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";

/** What a connection tells its plane. */
export interface ConnectionOwner {
  bytes(connection: NetConnection, chunk: Buffer): void;
  /** All that waited has left. */
  drained(connection: NetConnection): void;
  /** The other end sends no more, but may still read. */
  ended(connection: NetConnection): void;
  closed(connection: NetConnection): void;
}

/** A socket, or the end of an in-process stream. */
export type CarrierSocket = Duplex | Socket;

const key = Symbol("connection");
/** Something that events are told of. */
interface Carrier {
  [key]?: NetConnection;
}

const nothing = Buffer.alloc(0);
/** After all has been sent, the other end has so long to close; a close with unread bytes would be a reset, and could take a DISCONNECT with it. Milliseconds. */
const lingerMs = 200;

/** Shared by all connections that hold nothing; never pushed to. */
export const nothingHeld: ArrayBufferLike[] = [];

/** One connection. */
export class NetConnection {
  readonly id: number;
  readonly socket: CarrierSocket;
  readonly webSocket: WebSocket | undefined;
  /** Whether a write may have left when it returns: not through TLS, and not in-process. */
  readonly direct: boolean;
  /** In-process: the other end may keep what it is given. */
  readonly keeps: boolean;
  readonly owner: ConnectionOwner;
  error: Error | null = null;
  /** Nothing that comes is told any more. */
  closing = false;
  /** Will tell when it has drained. */
  #asked = false;
  #written: (() => void) | undefined = undefined;
  /** The memory that what waits lies in, where it was not copied. */
  held: ArrayBufferLike[] = nothingHeld;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(
    id: number,
    socket: CarrierSocket,
    webSocket: WebSocket | undefined,
    transport: "direct" | "tls" | "memory",
    owner: ConnectionOwner,
  ) {
    this.id = id;
    this.socket = socket;
    this.webSocket = webSocket;
    this.direct = transport === "direct";
    this.keeps = transport === "memory";
    this.owner = owner;
    (socket as Carrier)[key] = this;
    socket.on("drain", onDrain);
    if (webSocket === undefined) {
      socket.on("data", onData);
      socket.on("end", onEnd);
      socket.on("error", onError);
      socket.on("close", onClose);
    } else {
      (webSocket as Carrier)[key] = this;
      webSocket.on("message", onMessage);
      webSocket.on("error", onError);
      webSocket.on("close", onClose);
    }
  }

  /** Bytes that the kernel has not taken. */
  get waiting(): number {
    return this.socket.writableLength;
  }

  /** Whether what is written can still reach anybody. */
  get writable(): boolean {
    return this.socket.writable && !this.closing && (this.webSocket === undefined || this.webSocket.readyState === 1);
  }

  /** Hands one buffer over; a WebSocket makes one frame of it. */
  write(buffer: Buffer): void {
    const { socket, webSocket } = this;
    if (this.direct) {
      if (webSocket === undefined) socket.write(buffer);
      else webSocket.send(buffer);
      return;
    }
    // Such a write is always under way for a moment, and tells when it has left.
    this.#written ??= () => this.checkDrain();
    if (webSocket === undefined) socket.write(buffer, this.#written);
    else webSocket.send(buffer, this.#written);
  }

  /** `drained` will be told once all has left. Costs nothing where the stream does so anyway. */
  askDrain(): void {
    if (this.#asked) return;
    this.#asked = true;
    if (!this.direct || this.socket.writableNeedDrain) return;
    // Less than its high-water mark waits, of which a stream does not tell: an empty write behind it does.
    this.#written ??= () => this.checkDrain();
    this.socket.write(nothing, this.#written);
  }

  /** All that waited may have left. */
  checkDrain(): void {
    if (!this.#asked || this.socket.destroyed) return;
    if (this.socket.writableLength > 0) {
      if (!this.direct) return;
      this.#asked = false;
      this.askDrain();
    } else {
      this.#asked = false;
      this.owner.drained(this);
    }
  }

  /** Ends it when all has left, or when `graceMs` are over. */
  end(graceMs: number): void {
    if (this.closing) return;
    this.closing = true;
    const { socket, webSocket } = this;
    this.#timer = setTimeout(destroy, graceMs, this);
    if (webSocket !== undefined) {
      webSocket.resume();
      webSocket.close(this.error === null ? 1000 : 1003);
      return;
    }
    socket.once("finish", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(destroy, Math.min(graceMs, lingerMs), this);
    });
    socket.end();
    // What still comes is read and thrown away, so that the other end's FIN is seen.
    socket.resume();
  }

  /** Ends it at once; what waits is lost. */
  destroy(): void {
    this.closing = true;
    this.socket.destroy();
  }

  pause(): void {
    if (!this.closing) (this.webSocket ?? this.socket).pause();
  }

  resume(): void {
    if (!this.closing) (this.webSocket ?? this.socket).resume();
  }

  /** @internal It is over. */
  over(): void {
    clearTimeout(this.#timer);
    this.closing = true;
    this.owner.closed(this);
  }
}

function destroy(connection: NetConnection): void {
  connection.destroy();
}

function onData(this: object, chunk: Buffer): void {
  const connection = (this as Carrier)[key];
  if (connection !== undefined && !connection.closing) connection.owner.bytes(connection, chunk);
}

function onMessage(this: object, data: RawData, isBinary: boolean): void {
  const connection = (this as Carrier)[key];
  if (connection === undefined || connection.closing) return;
  if (isBinary) {
    const chunk = data as Buffer;
    if (chunk.length > 0) connection.owner.bytes(connection, chunk);
    return;
  }
  // [MQTT-6.0.0-1]
  connection.error = new Error("a WebSocket frame with text, where MQTT wants binary ones");
  connection.end(1000);
}

function onDrain(this: object): void {
  (this as Carrier)[key]?.checkDrain();
}

function onEnd(this: object): void {
  const connection = (this as Carrier)[key];
  if (connection !== undefined && !connection.closing) connection.owner.ended(connection);
}

function onError(this: object, error: Error): void {
  const connection = (this as Carrier)[key];
  if (connection !== undefined) connection.error ??= error;
}

function onClose(this: object): void {
  (this as Carrier)[key]?.over();
}

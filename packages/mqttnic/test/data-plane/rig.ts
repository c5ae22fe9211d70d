/** A plane under test: what it told, clients that collect what they get, and waits for either. @module */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { ListenerConfig } from "../../src/config/broker-config.ts";
import type { BoundListener, DataPlane, Peer, PlaneEvents } from "../../src/data-plane/data-plane.ts";

/** Makes a plane that tells its events there. */
export type MakePlane = (events: PlaneEvents) => DataPlane | Promise<DataPlane>;

/** One thing that was told. */
export interface Told {
  readonly what: "open" | "bytes" | "drain" | "close" | "turn";
  readonly id: number;
}

/** A plane with a slab, as a broker uses it. */
export class Rig implements PlaneEvents {
  plane!: DataPlane;
  readonly told: Told[] = [];
  readonly peers: Map<number, Peer> = new Map<number, Peer>();
  /** Numbers of those open, in the order in which they were opened. */
  readonly open: number[] = [];
  readonly received: Map<number, string> = new Map<number, string>();
  readonly closes: { readonly id: number; readonly error: Error | null }[] = [];
  readonly drains: number[] = [];
  /** Called within each turn, before the flush. */
  onEachTurn: () => void = () => {};
  onEachBytes: (id: number, bytes: Buffer) => void = () => {};
  /** Faults that were seen: events from within methods, unknown numbers. */
  readonly faults: string[] = [];
  #slab = Buffer.alloc(1 << 20);
  #at = 0;
  #inside = false;
  readonly #waits = new Set<() => void>();

  static async make(makePlane: MakePlane): Promise<Rig> {
    const rig = new Rig();
    rig.plane = await makePlane(rig);
    return rig;
  }

  onOpen(id: number, peer: Peer): void {
    if (this.open.includes(id)) this.faults.push(`${id} was opened twice`);
    this.open.push(id);
    this.peers.set(id, peer);
    this.received.set(id, "");
    this.#tell("open", id);
  }

  onBytes(id: number, buffer: Buffer, start: number, end: number): void {
    if (!this.open.includes(id)) this.faults.push(`bytes of ${id}, which is not open`);
    this.received.set(id, this.received.get(id) + buffer.toString("latin1", start, end));
    this.onEachBytes(id, buffer.subarray(start, end));
    this.#tell("bytes", id);
  }

  onDrain(id: number): void {
    if (!this.open.includes(id)) this.faults.push(`${id} has drained, which is not open`);
    this.drains.push(id);
    this.#tell("drain", id);
  }

  onClose(id: number, error: Error | null): void {
    const index = this.open.indexOf(id);
    if (index === -1) this.faults.push(`${id} was closed, which is not open`);
    this.open.splice(index, 1);
    this.closes.push({ id, error });
    this.#tell("close", id);
  }

  onTurn(): void {
    this.onEachTurn();
    this.flush();
    this.#tell("turn", -1);
  }

  #tell(what: Told["what"], id: number): void {
    if (this.#inside) this.faults.push(`${what} of ${id} was told from within a method`);
    this.told.push({ what, id });
    for (const check of this.#waits) check();
  }

  /** Resolves when it holds, which is looked at after each event. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!holds()) return;
        this.#waits.delete(check);
        resolve();
      };
      this.#waits.add(check);
      check();
    });
  }

  /** Calls one of the plane's methods; nothing may be told meanwhile. */
  within<T>(call: (plane: DataPlane) => T): T {
    const before = this.#inside;
    this.#inside = true;
    try {
      return call(this.plane);
    } finally {
      this.#inside = before;
    }
  }

  /** Writes into the slab. */
  #put(bytes: Buffer): [Buffer, number, number] {
    if (this.#at + bytes.length > this.#slab.length) {
      this.#slab = Buffer.alloc(Math.max(1 << 20, bytes.length));
      this.#at = 0;
    }
    const start = this.#at;
    this.#slab.set(bytes, start);
    this.#at += bytes.length;
    return [this.#slab, start, this.#at];
  }

  send(id: number, bytes: Buffer | string, droppable = false, messages = 1): void {
    const [slab, start, end] = this.#put(Buffer.from(bytes as string, "latin1"));
    this.within((plane) => plane.send(id, slab, start, end, messages, droppable));
  }

  fan(route: number, bytes: Buffer | string, droppable = false, messages = 1): void {
    const [slab, start, end] = this.#put(Buffer.from(bytes as string, "latin1"));
    this.within((plane) => plane.fan(route, slab, start, end, messages, droppable));
  }

  /** Leaves bytes unused in the slab, so that what follows is not contiguous. */
  gap(): void {
    this.#put(Buffer.from("gap"));
  }

  flush(): boolean {
    const free = this.within((plane) => plane.flush());
    // What may be used again is: whoever still refers to it is found out.
    if (free) this.#slab.fill(0xee, 0, this.#at);
    else this.#slab = Buffer.alloc(1 << 20);
    this.#at = 0;
    return free;
  }

  /** Connects, and waits until the plane has told of it. */
  async client(bound: BoundListener, config: { readonly path?: string } = {}): Promise<Client> {
    const before = this.told.filter(({ what }) => what === "open").length;
    const client = new Client(config.path === undefined ? connect(bound.port, "127.0.0.1") : connect(config.path));
    await Promise.all([once(client.socket, "connect"), this.until(() => this.told.filter(({ what }) => what === "open").length > before)]);
    client.id = this.open.at(-1) as number;
    return client;
  }

  listen(config: ListenerConfig): Promise<BoundListener> {
    return this.plane.listen(config);
  }
}

/** The other end of a connection. */
export class Client {
  /** The plane's number of it. */
  id = -1;
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  readonly closed: Promise<void>;
  ended = false;
  readonly #waits = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      for (const check of this.#waits) check();
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Begins anew. */
  forget(): void {
    this.#chunks.length = 0;
    this.#length = 0;
  }

  get text(): string {
    return this.bytes.toString("latin1");
  }

  /** Resolves when so many bytes have come in all. */
  until(length: number): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#length < length) return;
        this.#waits.delete(check);
        resolve();
      };
      this.#waits.add(check);
      check();
    });
  }
}

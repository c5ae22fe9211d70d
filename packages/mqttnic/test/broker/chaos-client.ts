/** Clients with sessions of their own that come back whenever their connection ends, and keep to the letter of QoS 1 and 2. @module */
import { connect, type Socket } from "node:net";
import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet } from "mqtt-packet";
import type { DeliveryChecker, Sent } from "./delivery-checker.ts";

/** A connection is tried again so soon. */
const retryMs = 15;

/** What both kinds have in common. */
abstract class ChaosClient {
  readonly name: string;
  readonly version: 4 | 5;
  readonly #port: number;
  readonly #receiveMaximum: number;
  #socket: Socket | undefined;
  #stopped = false;
  /** Connections it has had. */
  connections = 0;
  /** It was let in, and has done what comes first. */
  readonly ready: Promise<void>;
  protected becomeReady: () => void = () => {};
  protected readonly faults: string[];

  constructor(name: string, version: 4 | 5, port: number, receiveMaximum: number, faults: string[]) {
    this.name = name;
    this.version = version;
    this.#port = port;
    this.#receiveMaximum = receiveMaximum;
    this.faults = faults;
    this.ready = new Promise((resolve) => {
      this.becomeReady = resolve;
    });
  }

  /** Comes in, and comes back until it is stopped. */
  start(): void {
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    const parser = mqttPacket.parser({ protocolVersion: this.version });
    this.#socket = socket;
    socket.on("error", () => {}); // whatever it is, it comes back
    socket.once("connect", () => {
      const five = { sessionExpiryInterval: 3600, ...(this.#receiveMaximum > 0 && { receiveMaximum: this.#receiveMaximum }) };
      const packet: IConnectPacket = {
        cmd: "connect",
        clientId: this.name,
        clean: false,
        keepalive: 0,
        protocolId: "MQTT",
        protocolVersion: this.version,
        ...(this.version === 5 && { properties: five }),
      };
      this.send(packet);
    });
    parser.on("packet", (packet) => {
      if (socket !== this.#socket) return;
      if (packet.cmd !== "connack") return this.take(packet);
      if ((packet.reasonCode ?? packet.returnCode) !== 0) return void socket.destroy();
      this.connections++;
      if (this.connections > 1 && !packet.sessionPresent) this.faults.push(`${this.name}: its session is lost`);
      this.comeIn();
    });
    parser.on("error", (error) => this.faults.push(`${this.name}: ${error.message}`));
    socket.on("data", (data) => {
      // What came before it was cut off is thrown away, as by a client that dies.
      if (socket === this.#socket) parser.parse(data);
    });
    socket.once("close", () => {
      if (socket === this.#socket) this.#socket = undefined;
      if (!this.#stopped) setTimeout(() => this.#stopped || this.start(), retryMs);
    });
  }

  /** Its process is killed, as far as the broker can see; what it has stored is there when it comes back. */
  abort(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.resetAndDestroy();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  protected send(...packets: readonly Packet[]): void {
    this.#socket?.write(Buffer.concat(packets.map((packet) => mqttPacket.generate(packet, { protocolVersion: this.version }))));
  }

  protected abstract comeIn(): void;
  protected abstract take(packet: Packet): void;
}

/** Publishes to two topics, one of QoS 1 and one of QoS 2, so many messages at a time. */
export class ChaosPublisher extends ChaosClient {
  readonly #checker: DeliveryChecker;
  readonly #window: number;
  readonly #random: (n: number) => number;
  /** By packet id, in the order of sending. */
  readonly #open = new Map<number, Sent & { released: boolean }>();
  readonly #numbers = { 1: 0, 2: 0 };
  #nextId = 1;
  #ending = false;

  constructor(name: string, version: 4 | 5, port: number, checker: DeliveryChecker, window: number, random: (n: number) => number) {
    super(name, version, port, 0, checker.faults);
    this.#checker = checker;
    this.#window = window;
    this.#random = random;
  }

  /** Sends nothing new from now on. */
  end(): void {
    this.#ending = true;
  }

  /** Messages without their last acknowledgement. */
  get open(): number {
    return this.#open.size;
  }

  protected override comeIn(): void {
    this.becomeReady();
    for (const [messageId, one] of this.#open) {
      if (!one.released) this.#checker.sendAgain(one);
      this.send(one.released ? { cmd: "pubrel", messageId } : this.#packet(one, messageId, true));
    }
    this.#more();
  }

  protected override take(packet: Packet): void {
    const messageId = packet.messageId!;
    const one = this.#open.get(messageId);
    if (packet.cmd === "puback" || packet.cmd === "pubcomp") {
      // A PUBREL that was sent again may be answered twice.
      if (!one) return;
      this.#open.delete(messageId);
      this.#checker.acknowledge(one);
      this.#more();
    } else if (packet.cmd === "pubrec") {
      if (one) one.released = true;
      this.send({ cmd: "pubrel", messageId });
    }
  }

  #more(): void {
    const packets: Packet[] = [];
    while (!this.#ending && this.#open.size < this.#window) {
      const qos = this.#random(3) === 0 ? 2 : 1;
      const one = { topic: `chaos/${this.name}/${qos}`, number: ++this.#numbers[qos], qos, released: false } as const;
      this.#checker.send(one);
      const messageId = this.#nextId;
      this.#nextId = (this.#nextId % 60_000) + 1;
      this.#open.set(messageId, { ...one });
      packets.push(this.#packet(one, messageId, false));
    }
    if (packets.length > 0) this.send(...packets);
  }

  #packet({ topic, number, qos }: Sent, messageId: number, dup: boolean): IPublishPacket {
    return { cmd: "publish", topic, payload: `${number}`, qos, messageId, dup, retain: false };
  }
}

/** Subscribes to all of it and acknowledges: each message at once, or several later in any order. */
export class ChaosSubscriber extends ChaosClient {
  readonly #checker: DeliveryChecker;
  readonly #qos: 1 | 2;
  /** Acknowledgements are held back until there are so many. */
  readonly #late: number;
  readonly #random: (n: number) => number;
  /** Packet ids of QoS 2 messages that were taken and not released. */
  readonly #taken = new Set<number>();
  #held: Packet[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    kind: { readonly name: string; readonly version: 4 | 5; readonly qos: 1 | 2; readonly receiveMaximum: number; readonly late: number },
    port: number,
    checker: DeliveryChecker,
    random: (n: number) => number,
  ) {
    super(kind.name, kind.version, port, kind.receiveMaximum, checker.faults);
    this.#checker = checker;
    this.#qos = kind.qos;
    this.#late = kind.late;
    this.#random = random;
    checker.addSubscriber(kind.name, kind.qos);
  }

  override stop(): void {
    clearTimeout(this.#timer);
    super.stop();
  }

  protected override comeIn(): void {
    this.#held = [];
    if (this.connections === 1) this.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "chaos/#", qos: this.#qos }] });
  }

  protected override take(packet: Packet): void {
    if (packet.cmd === "suback") this.becomeReady();
    else if (packet.cmd === "publish") this.#message(packet);
    else if (packet.cmd === "pubrel") {
      this.#taken.delete(packet.messageId!);
      this.send({ cmd: "pubcomp", messageId: packet.messageId! });
    }
  }

  #message({ topic, payload, qos, dup, messageId }: IPublishPacket): void {
    const came = { topic, payload: payload.toString(), qos, dup, connection: this.connections };
    if (qos !== 2 || !this.#taken.has(messageId!)) this.#checker.receive(this.name, came);
    if (qos === 2) this.#taken.add(messageId!);
    this.#held.push({ cmd: qos === 2 ? "pubrec" : "puback", messageId: messageId! });
    if (this.#held.length >= this.#late) this.#answer();
    // With a small Receive Maximum no more may come.
    else this.#timer ??= setTimeout(() => this.#answer(), 10);
  }

  #answer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const packets: Packet[] = [];
    while (this.#held.length > 0) packets.push(...this.#held.splice(this.#late > 1 ? this.#random(this.#held.length) : 0, 1));
    if (packets.length > 0) this.send(...packets);
  }
}

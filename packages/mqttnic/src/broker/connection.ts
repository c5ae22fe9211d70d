/**
 * One client's network connection: cuts its bytes into packets and hands them to their handlers. [MQTT 5.0 §2.1, §3]
 *
 * Longer than 300 lines because its fields, which the handlers share, take a hundred.
 * @module
 */
import { Timer } from "@mitsu/reactor/timers";
import type { DataPlane, Peer } from "../data-plane/data-plane.ts";
import { decodeClientPacket } from "../protocol/decode.ts";
import { encodeServerPacket } from "../protocol/encode.ts";
import { bodyStart, packetLength } from "../protocol/framing.ts";
import { PacketError, type ProtocolVersion, packetType, type ServerPacket, type Will } from "../protocol/packet.ts";
import { mayCarry, reasonCode, reasonText } from "../protocol/reason-code.ts";
import type { AuthExchange, Identity } from "../security/security.ts";
import type { Core } from "./core.ts";
import { handleAuth } from "./handle-auth.ts";
import { handleConnect } from "./handle-connect.ts";
import { handleDisconnect } from "./handle-disconnect.ts";
import { handlePublish, type Published } from "./handle-publish.ts";
import { handleSubscribe, handleUnsubscribe } from "./handle-subscribe.ts";
import type { Receiver } from "./outbox.ts";
import type { Session } from "./session.ts";

const pingResponse: Buffer = Buffer.of(packetType.pingresp << 4, 0);
/** A CONNECT that could not be read gets no CONNACK before 5.0 but for these. [MQTT-3.1.2-2 of 3.1.1, MQTT-3.1.3-9 of 3.1.1] */
const refusals: ReadonlySet<number> = new Set([reasonCode.unsupportedProtocolVersion, reasonCode.clientIdentifierNotValid]);
/** What waits for a closing connection's socket is lost after so long. */
const closeGraceMs = 2000;

/** A connection. Its state: before CONNECT, while it is judged, open, and over. */
export class Connection implements Receiver {
  readonly core: Core;
  readonly plane: DataPlane;
  readonly id: number;
  /** Never used again, unlike {@link id}. */
  readonly serial: number;
  readonly peer: Peer;
  readonly openedAtMs: number;
  state: "new" | "judged" | "open" | "over" = "new";
  version: ProtocolVersion = 4;
  clientId = "";
  session: Session | undefined = undefined;
  will: Will | undefined = undefined;
  /** Messages of QoS 1 and 2 that may be in flight to it. */
  quota = 0;
  /** Its packets differ from others': topic aliases, a maximum packet size, or a mount point. */
  ownPackets = false;
  /** Maximum Packet Size that it takes; 0 is any. */
  mostPacketBytes = 0;
  /** Topic aliases it takes, and those it was told. */
  aliasesTaken = 0;
  aliasesOut: Map<string, number> | undefined = undefined;
  /** Topics by the aliases that it has given. */
  aliasesIn: (Published | undefined)[] | undefined = undefined;
  /** It is told why by reason strings. */
  problemInformation = true;
  keepAliveS = 0;
  /** Bytes of messages that were written one by one for it in this turn: what will wait for its socket. */
  unflushed = 0;
  /** QoS 1 messages of this turn, which are acknowledged at its end. */
  unacknowledged = 0;
  /** The topic it published to last. */
  lastPublished: Published | undefined = undefined;
  accessGeneration = -1;
  authMethod: string | undefined = undefined;
  authExchange: AuthExchange | undefined = undefined;
  /** Lets it in, when its authentication of several steps is over. */
  whenAuthenticated: ((identity: Identity, data: Buffer | undefined) => void) | undefined = undefined;
  #part: Buffer | undefined;
  /** Bytes of {@link #part} that are there; and that are needed, 0 when not known. */
  #partBytes = 0;
  #partNeeds = 0;
  #lastHeardMs: number;
  #keepAlive: Timer | undefined;
  /** Ends with its identity. */
  untilTimer: Timer | undefined;

  constructor(core: Core, plane: DataPlane, id: number, serial: number, peer: Peer) {
    this.core = core;
    this.plane = plane;
    this.id = id;
    this.serial = serial;
    this.peer = peer;
    this.openedAtMs = core.nowMs();
    this.#lastHeardMs = core.timeMs();
    this.#keepAlive = new Timer(() => {
      core.counters.limit("connectWithinMs");
      this.fail(reasonCode.maximumConnectTime, "no CONNECT came", "no-connect");
    });
    core.timers.arm(this.#keepAlive, core.config.limits.connectWithinMs);
  }

  /** Bytes that its socket did not take yet. */
  get waitingBytes(): number {
    return this.plane.waitingBytes[this.id]!;
  }

  /** For messages: where it comes from. */
  get from(): string {
    const { address, port, listener } = this.peer;
    return address === "" ? listener.name : `${address.includes(":") ? `[${address}]` : address}:${port}`;
  }

  /** `[MQTT-3.1.2-22]`: 1.5 times the keep-alive. Checked by a timer that goes off at the earliest possible moment and looks again. */
  startKeepAlive(): void {
    if (this.#keepAlive) this.core.timers.disarm(this.#keepAlive);
    this.#keepAlive = undefined;
    if (this.keepAliveS === 0) return;
    const patienceMs = this.keepAliveS * 1500;
    const timer = new Timer(() => {
      const leftMs = this.#lastHeardMs + patienceMs - this.core.timeMs();
      if (leftMs > 0) this.core.timers.arm(timer, leftMs);
      else this.fail(reasonCode.keepAliveTimeout, `nothing was heard for ${patienceMs / 1000} s`, "keep-alive");
    });
    this.#keepAlive = timer;
    this.core.timers.arm(timer, patienceMs);
  }

  /** Bytes came. */
  receive(buffer: Buffer, start: number, end: number): void {
    const { core } = this;
    this.#lastHeardMs = core.timeMs();
    core.counters.bytesReceived += end - start;
    if (this.endIfSlow()) return;
    try {
      if (this.#part === undefined) this.#packets(buffer, start, end);
      else this.#continue(buffer, start, end);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      if (error.version !== undefined && this.state === "new") this.version = error.version;
      // A CONNECT of which not even the level is known has no answer.
      this.fail(error.reasonCode, error.message, "bad-packet", this.state === "new" && error.version === undefined);
    }
  }

  /** It does not read what it is sent, and too much waits for it. @returns Whether it was ended for that. */
  endIfSlow(): boolean {
    const { config, counters } = this.core;
    if (this.waitingBytes <= config.limits.waitingBytesDisconnect || this.state === "over") return this.state === "over";
    counters.limit("waitingBytesDisconnect");
    this.fail(reasonCode.quotaExceeded, "it does not read what it is sent", "slow", true);
    return true;
  }

  /** It was judged: what came meanwhile is dealt with. */
  goOn(): void {
    this.plane.resume(this.id);
    // Its socket may have taken all meanwhile.
    if (this.session) this.core.deliveries.drain(this.session);
    const part = this.#part;
    const bytes = this.#partBytes;
    this.#part = undefined;
    if (part) this.receive(part, 0, bytes);
    this.core.scheduleTurn();
  }

  /** Sends a packet of ours. */
  send(packet: ServerPacket): void {
    const bytes = encodeServerPacket(packet, this.version, {
      mostBytes: this.mostPacketBytes || undefined,
      problemInformation: this.problemInformation,
    });
    // Too large for the client even at its barest: it would wait for this in vain. [MQTT-3.1.2-24]
    if (bytes.length > 0) this.sendBytes(bytes);
    else if (this.state === "open") this.fail(reasonCode.packetTooLarge, "an answer is larger than it takes", "answer-too-large", true);
  }

  /** Sends bytes that stay as they are. */
  sendBytes(bytes: Buffer): void {
    const { counters, outbox } = this.core;
    counters.messagesSent++;
    counters.bytesSent += bytes.length;
    outbox.toOne(this, 0, bytes.length, 0, false, bytes);
    this.core.scheduleTurn();
  }

  /** Ends it by a fault of its own or for a reason of ours; its will is published. `quietly`: nothing is sent any more. */
  fail(code: number, why: string, reason: string, quietly = false): void {
    if (this.state === "over") return;
    this.core.counters.refused(reason);
    this.core.log.debug("client is disconnected", { client: this.clientId, from: this.from, reason: reasonText(code), why });
    if (!quietly) {
      // Of a level that nobody knows it is not known either what it reads: the shortest form.
      const properties = code === reasonCode.unsupportedProtocolVersion ? {} : { reasonString: why };
      if (this.session) {
        const told = mayCarry("server", packetType.disconnect, code) ? code : reasonCode.notAuthorized;
        if (this.version === 5) this.send({ type: packetType.disconnect, reasonCode: told, properties });
      } else if (this.state === "judged" || (this.state === "new" && (this.version === 5 || refusals.has(code)))) {
        this.send({ type: packetType.connack, sessionPresent: false, reasonCode: code, properties });
      }
    }
    this.close(true, `${reasonText(code)}: ${why}`, quietly);
  }

  /** Ends it. @param withWill Whether the client did not say good-bye. */
  close(withWill: boolean, why: string, atOnce = false): void {
    if (this.state === "over") return;
    this.plane.close(this.id, atOnce ? 0 : closeGraceMs);
    this.over(withWill, why);
    this.core.scheduleTurn();
  }

  /** It is over, by whoever's doing. */
  over(withWill: boolean, why: string): void {
    if (this.state === "over") return;
    this.state = "over";
    this.#part = undefined;
    for (const timer of [this.#keepAlive, this.untilTimer]) if (timer) this.core.timers.disarm(timer);
    this.core.connectionOver(this, withWill, why);
  }

  #packets(buffer: Buffer, start: number, end: number): void {
    const most = this.core.config.limits.packetBytes;
    let at = start;
    while (at < end) {
      if (this.state === "judged" || this.state === "over") break;
      const length = packetLength(buffer, at, end);
      if (length > most && most > 0) {
        this.core.counters.limit("packetBytes");
        throw new PacketError(reasonCode.packetTooLarge, `a packet of ${length} bytes; at most ${most} are taken`);
      }
      if (length === 0 || length > end - at) {
        this.#keep(buffer, at, end, length);
        return;
      }
      this.#packet(buffer, at, at + length);
      at += length;
    }
    if (at < end && this.state === "judged") this.#keep(buffer, at, end, 0);
  }

  #packet(buffer: Buffer, start: number, end: number): void {
    const body = bodyStart(buffer, start);
    const type = buffer[start]! >> 4;
    const { core } = this;
    core.counters.messagesReceived++;
    if (this.state === "open") {
      if (type === packetType.publish) {
        handlePublish(this, buffer, start, body, end);
        return;
      }
      // The usual form of an acknowledgement, in all versions.
      if (buffer[start] === 0x40 && end - start === 4) {
        const packetId = (buffer[start + 2]! << 8) | buffer[start + 3]!;
        if (packetId > 0) {
          core.acknowledge(this, packetId);
          return;
        }
      }
    } else if (type !== packetType.connect && !(type === packetType.auth && this.authExchange)) {
      throw new PacketError(reasonCode.protocolError, "[MQTT-3.1.0-1] the first packet is not CONNECT");
    }
    const packet = decodeClientPacket(buffer, start, body, end, this.version);
    switch (packet.type) {
      case packetType.connect:
        if (this.state === "open") throw new PacketError(reasonCode.protocolError, "[MQTT-3.1.0-2] a second CONNECT");
        handleConnect(this, packet);
        break;
      case packetType.puback:
        core.acknowledge(this, packet.packetId);
        break;
      case packetType.pubrec:
        core.received(this, packet.packetId, packet.reasonCode);
        break;
      case packetType.pubrel:
        core.released(this, packet.packetId);
        break;
      case packetType.pubcomp:
        core.completed(this, packet.packetId);
        break;
      case packetType.subscribe:
        handleSubscribe(this, packet);
        break;
      case packetType.unsubscribe:
        handleUnsubscribe(this, packet);
        break;
      case packetType.pingreq:
        this.sendBytes(pingResponse);
        break;
      case packetType.disconnect:
        handleDisconnect(this, packet);
        break;
      case packetType.auth:
        handleAuth(this, packet);
        break;
    }
  }

  /** The rest of what came is the beginning of a packet of `length` bytes, 0 for not known. */
  #keep(buffer: Buffer, start: number, end: number, length: number): void {
    const bytes = end - start;
    if (this.#part !== undefined && this.state === "judged") {
      this.#part = Buffer.concat([this.#part.subarray(0, this.#partBytes), buffer.subarray(start, end)]);
      this.#partBytes = this.#part.length;
      return;
    }
    const part = Buffer.allocUnsafe(Math.max(length, bytes));
    buffer.copy(part, 0, start, end);
    this.#part = part;
    this.#partBytes = bytes;
    this.#partNeeds = length;
    if (this.state === "judged") this.plane.pause(this.id);
  }

  /** More of a packet whose beginning is there. */
  #continue(buffer: Buffer, start: number, end: number): void {
    const part = this.#part!;
    if (this.state === "judged") {
      this.#keep(buffer, start, end, 0);
      return;
    }
    if (this.#partNeeds === 0) {
      const joined = Buffer.concat([part.subarray(0, this.#partBytes), buffer.subarray(start, end)]);
      this.#part = undefined;
      this.#packets(joined, 0, joined.length);
      return;
    }
    const taken = Math.min(end - start, this.#partNeeds - this.#partBytes);
    buffer.copy(part, this.#partBytes, start, start + taken);
    this.#partBytes += taken;
    if (this.#partBytes < this.#partNeeds) return;
    this.#part = undefined;
    this.#packet(part, 0, this.#partNeeds);
    if (start + taken < end && (this.state as string) !== "over") this.#packets(buffer, start + taken, end);
  }
}

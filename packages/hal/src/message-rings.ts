/** The host's memory of one engine: what was sent and not completed, what came, what is completed. @module */
import type { AsyncMessageSpec, AsyncMessageState, ReceivedMessage } from "./capabilities/async-message.ts";
import { MessageNetwork, type NetworkPort, type OutgoingMessage } from "./message-network.ts";

/**
 * Rings of `entries` each, none of which can overflow. They say what is to be sent and keep it until its completion; how it gets there is the driver's.
 *
 * @example
 * ```ts
 * const rings = new MessageRings(spec, state);
 * rings.submit(7, payload); // 0, its ticket
 * rings.unfinished(7); // the message, until complete()
 * ```
 */
export class MessageRings {
  readonly session: number;
  readonly #spec: AsyncMessageSpec;
  #nextTicket: number;
  /** By receiver, in order. */
  readonly #sent = new Map<number, OutgoingMessage[]>();
  #sentCount = 0;
  readonly #received: ReceivedMessage[];
  #completed: number[];
  readonly #heard: Map<number, { readonly session: number; readonly ticket: number }>;
  /** A message was refused for want of room since the last receive. */
  #refused = false;

  constructor(spec: AsyncMessageSpec, state: AsyncMessageState) {
    this.#spec = spec;
    this.session = state.session === 0 ? MessageNetwork.newSession() : state.session;
    this.#nextTicket = state.nextTicket;
    for (const message of state.sent) this.#push(message);
    this.#received = [...state.received];
    this.#completed = [...state.completed];
    this.#heard = new Map(state.heard.map(({ from, session, ticket }) => [from, { session, ticket }]));
  }

  /** Receivers that have unfinished messages. */
  get receivers(): Iterable<number> {
    return this.#sent.keys();
  }

  /** Messages to a receiver that are not completed, the oldest first. */
  unfinished(to: number): readonly OutgoingMessage[] {
    return this.#sent.get(to) ?? [];
  }

  /** Whether a completion has a place. */
  get completes(): boolean {
    return this.#completed.length < this.#spec.entries;
  }

  /** See `AsyncMessage.send`. */
  submit(to: number, payload: Uint8Array): number | undefined {
    const { entries, payloadBytes } = this.#spec;
    if (payload.length > payloadBytes)
      throw new RangeError(`${payload.length} bytes are more than the ${payloadBytes} that were asked for`);
    if (!Number.isInteger(to) || to < 0 || to > 0xffff) throw new RangeError(`address ${to} is not one of 0 to 65535`);
    if (this.#sentCount >= entries) return undefined;
    this.#push({ ticket: this.#nextTicket, to, payload: payload.slice() });
    return this.#nextTicket++;
  }

  /** The oldest message to a receiver has arrived. Only while {@link completes}. */
  complete(to: number): void {
    const queue = this.#sent.get(to)!;
    this.#completed.push(queue.shift()!.ticket);
    this.#sentCount--;
    if (queue.length === 0) this.#sent.delete(to);
  }

  /** Gives the completions out. */
  takeCompleted(): readonly number[] {
    const told = this.#completed;
    if (told.length > 0) this.#completed = [];
    return told;
  }

  /** Notes a message that came. @returns Whether it is new; one that was sent again is not. */
  hear(from: number, session: number, ticket: number): boolean {
    const last = this.#heard.get(from);
    if (last?.session === session && ticket <= last.ticket) return false;
    this.#heard.set(from, { session, ticket });
    return true;
  }

  /** See {@link NetworkPort.accept}. */
  accept({ address, session }: NetworkPort, { ticket, payload }: OutgoingMessage): boolean {
    const last = this.#heard.get(address);
    const known = last?.session === session && ticket <= last.ticket;
    if (!known && this.#received.length >= this.#spec.entries) {
      this.#refused = true;
      return false;
    }
    if (this.hear(address, session, ticket)) this.#received.push({ from: address, payload });
    return true;
  }

  /** The next message that came; then its place is free, and those who were refused hear of it. */
  receive(network: MessageNetwork): ReceivedMessage | undefined {
    const message = this.#received.shift();
    if (message !== undefined && this.#refused) {
      this.#refused = false;
      network.ready(this.#spec.address);
    }
    return message;
  }

  /** Hands messages over in the host's memory, as long as they are taken. */
  deliver(own: NetworkPort, to: number, network: MessageNetwork): number {
    const port = network.at(to);
    let handed = 0;
    for (let [oldest] = this.unfinished(to); oldest !== undefined; [oldest] = this.unfinished(to)) {
      if (!this.completes || !port?.accept(own, oldest)) break;
      this.complete(to);
      handed++;
    }
    return handed;
  }

  /** All of it, as it moves. */
  state(): AsyncMessageState {
    return {
      session: this.session,
      nextTicket: this.#nextTicket,
      sent: [...this.#sent.values()].flat().sort((one, other) => one.ticket - other.ticket),
      received: [...this.#received],
      completed: [...this.#completed],
      heard: [...this.#heard].map(([from, last]) => ({ from, ...last })),
    };
  }

  #push(message: OutgoingMessage): void {
    const queue = this.#sent.get(message.to);
    if (queue === undefined) this.#sent.set(message.to, [message]);
    else queue.push(message);
    this.#sentCount++;
  }
}

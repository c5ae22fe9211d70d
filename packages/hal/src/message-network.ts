/** Where engines find each other by address, whatever device each is on. @module */

/** A message on its way: what the sender's ring holds of it. */
export interface OutgoingMessage {
  /** Rising, of its sender's session. */
  readonly ticket: number;
  readonly to: number;
  readonly payload: Uint8Array;
}

/** An engine as the others see it. */
export interface NetworkPort {
  readonly address: number;
  /** See `AsyncMessageState`. */
  readonly session: number;
  /** Takes a message into its receive ring; one that it has heard already counts as taken. @returns False while the ring is full; {@link NetworkPort.flush} says when to try again. */
  accept(from: NetworkPort, message: OutgoingMessage): boolean;
  /** The engine at this address is new, or has room again. */
  flush(to: number): void;
}

/**
 * The engines of some devices, one at an address. Devices that share a network can hand engines to each other while messages are under way: the
 * engine that was attached last has the address, and what has no completion goes there.
 *
 * @example
 * ```ts
 * const network = new MessageNetwork();
 * const placement = new Placement([softwareAsyncMessage(64, network, "one"), softwareAsyncMessage(64, network, "other")]);
 * ```
 */
export class MessageNetwork {
  readonly #ports = new Map<number, NetworkPort>();
  static #sessions = 0;

  /** A number that no engine of this process has had. */
  static newSession(): number {
    return ++MessageNetwork.#sessions;
  }

  /** The engine at an address. */
  at(address: number): NetworkPort | undefined {
    return this.#ports.get(address);
  }

  /** What speaks against an engine of this session (0 for a new one) at an address. */
  fault(address: number, session: number): string | undefined {
    const port = this.#ports.get(address);
    return port === undefined || port.session === session ? undefined : `address ${address} is another engine's`;
  }

  /** The address is this engine's from now on. */
  attach(port: NetworkPort): void {
    this.#ports.set(port.address, port);
    this.ready(port.address);
  }

  /** It is nobody's, unless another engine has it already. */
  detach(port: NetworkPort): void {
    if (this.#ports.get(port.address) === port) this.#ports.delete(port.address);
  }

  /** Tells all that this engine takes messages (again). */
  ready(address: number): void {
    for (const port of this.#ports.values()) port.flush(address);
  }
}

/** A link to another broker and one to our own, with the relays between them: what a bridge and a peer of the mesh have while they are up. @module */
import type { Duplex } from "node:stream";
import type { ClientConnack, ClientConnect, ClientPublish } from "./client-packets.ts";
import { type LinkEvents, MqttLink } from "./mqtt-link.ts";
import { Relay, type RelayCounters } from "./relay.ts";

/** Gives a message as the other end is to see it, or undefined for one that it is not to see. */
export type Change = (publish: ClientPublish) => ClientPublish | undefined;

/** What a pair is made of. */
export interface PairOptions {
  readonly remoteStream: Duplex;
  readonly remote: ClientConnect;
  /** Opened once the other broker has accepted, with its Receive Maximum as ours, so that no more is on its way than both take. */
  readonly openLocal: () => Duplex;
  readonly local: ClientConnect;
  /** Our session was made just now, by whoever opens the pair: it is new to the other broker although it is there. */
  readonly localIsNew: boolean;
  /** From the other broker to ours. */
  readonly changeIn: Change;
  readonly changeOut: Change;
  readonly countersIn: RelayCounters;
  readonly countersOut: RelayCounters;
}

type Event = (relays: { readonly in: Relay; readonly out: Relay }) => void;

/** See the module. When one link ends, so does the other: both brokers then send again what was not acknowledged. */
export class LinkPair {
  readonly remote: MqttLink;
  local: MqttLink | undefined;
  /** Settles when it is over; null when {@link end} was called. */
  readonly closed: Promise<Error | null>;
  readonly #closed: PromiseWithResolvers<Error | null> = Promise.withResolvers();
  readonly #options: PairOptions;
  #relays: { readonly in: Relay; readonly out: Relay } | undefined;
  /** What came before both sides were there. */
  #early: Event[] = [];
  #over = false;

  constructor(options: PairOptions) {
    this.#options = options;
    this.closed = this.#closed.promise;
    this.remote = new MqttLink(
      options.remoteStream,
      options.remote,
      this.#events(
        () => this.remote,
        () => this.local,
        (publish) => (relays) => relays.in.publish(publish),
        (type, id, code) => (relays) => (type === 6 ? relays.in.release(id) : relays.out.acknowledged(type, id, code)),
      ),
    );
  }

  /** Waits for both brokers. @throws {MitsuError} when one refuses or goes. */
  async open(): Promise<{ readonly remote: ClientConnack; readonly local: ClientConnack }> {
    const options = this.#options;
    const remote = await this.remote.opened;
    if (this.#over) throw (await this.closed) ?? new Error("ended");
    const local = new MqttLink(
      options.openLocal(),
      { ...options.local, receiveMaximum: Math.min(options.local.receiveMaximum, remote.receiveMaximum) },
      this.#events(
        () => this.local,
        () => this.remote,
        (publish) => (relays) => relays.out.publish(publish),
        (type, id, code) => (relays) => (type === 6 ? relays.out.release(id) : relays.in.acknowledged(type, id, code)),
      ),
    );
    this.local = local;
    const answer = await local.opened;
    const ours = { ...answer, sessionPresent: answer.sessionPresent && !options.localIsNew };
    const relays = {
      in: new Relay(this.remote, local, options.changeIn, options.countersIn, !remote.sessionPresent && ours.sessionPresent),
      out: new Relay(local, this.remote, options.changeOut, options.countersOut, !ours.sessionPresent && remote.sessionPresent),
    };
    this.#relays = relays;
    for (const event of this.#early.splice(0)) event(relays);
    return { remote, local: ours };
  }

  /** Leaves both brokers in good order; the sessions stay. */
  end(): void {
    this.#closed.resolve(null);
    this.remote.end();
    this.local?.end();
  }

  #events(
    self: () => MqttLink | undefined,
    other: () => MqttLink | undefined,
    onPublish: (publish: ClientPublish) => Event,
    onAck: (type: 4 | 5 | 6 | 7, id: number, code: number) => Event,
  ): LinkEvents {
    const tell = (event: Event): void => {
      if (this.#relays === undefined) this.#early.push(event);
      else event(this.#relays);
    };
    const pause = (link: MqttLink | undefined, paused: boolean): void => {
      if (link !== undefined) link.paused = paused;
    };
    return {
      onPublish: (publish) => {
        if (this.#relays === undefined) tell(onPublish(copyOf(publish)));
        else tell(onPublish(publish));
        // QoS 0 knows no other flow control than not to read on.
        if (other()?.full === true) pause(self(), true);
      },
      onAck: (type, id, code) => tell(onAck(type, id, code)),
      onDrain: () => pause(other(), false),
      onClose: (error) => {
        this.#over = true;
        this.#closed.resolve(error);
        if (error === null) other()?.end();
        else other()?.fail(error);
      },
    };
  }
}

/** What is kept beyond the call: the chunk it lies in may be used again. */
function copyOf(publish: ClientPublish): ClientPublish {
  return { ...publish, payload: Buffer.from(publish.payload), properties: Buffer.from(publish.properties) };
}

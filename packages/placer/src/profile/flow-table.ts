/** Flows of captured packets, and what services said to each other in them. @module */
import { type AddressBook, addressText } from "./address-book.ts";
import type { AddressKey, Segment } from "./segment.ts";
import { SequenceTrack } from "./sequence-track.ts";

/** What passed from one service to another, both ways. */
export interface PairCount {
  readonly from: string;
  readonly to: string;
  messages: number;
  /** Payload. */
  bytes: number;
}

/** Payload of flows of which an end is nobody's that is known. */
export interface UnknownAddress {
  readonly address: string;
  readonly packets: number;
  readonly bytes: number;
}

/** What was seen besides pairs. */
export interface FlowCounts {
  readonly flows: number;
  /** Payload that was seen before and not counted again. */
  readonly repeatedBytes: number;
  /** Parts of datagrams whose first part was not seen. */
  readonly orphanFragments: number;
  /** Flows that were forgotten because there were too many. */
  readonly forgottenFlows: number;
}

interface Flow {
  /** The end that asked, as source. */
  readonly client: AddressKey;
  readonly clientPort: number;
  readonly pair: PairCount | null;
  /** Ends that nobody is known to own. */
  readonly unknown: readonly AddressKey[];
  readonly fromClient: SequenceTrack;
  readonly fromServer: SequenceTrack;
  /** Which end spoke last. */
  clientSpoke: boolean | null;
}

const syn = 2;
const ack = 16;
const mostFlows = 200_000;
const mostFragments = 1024;
const mostUnknown = 10_000;

/**
 * Counts messages and payload of service pairs.
 *
 * The client is who sent SYN; in a capture that began later, the other end than the one with a service's port, else the one with the higher port.
 * In TCP a message ends where the other end begins to speak; of a stream in one direction that is one message, however long.
 * In UDP each datagram is one.
 */
export class FlowTable {
  readonly #book: AddressBook;
  readonly #flows = new Map<string, Flow>();
  readonly #pairs = new Map<string, PairCount>();
  readonly #unknown = new Map<AddressKey, { packets: number; bytes: number }>();
  readonly #fragments = new Map<string, Segment>();
  #flowCount = 0;
  #repeatedBytes = 0;
  #orphanFragments = 0;
  #forgottenFlows = 0;

  constructor(book: AddressBook) {
    this.#book = book;
  }

  /** Takes a packet in; the segment may be used again afterwards. */
  add(segment: Segment): void {
    if (segment.fragmentOf === null) this.#count(segment);
    else this.#fragment(segment);
  }

  /** Pairs, the busiest first. */
  pairs(): PairCount[] {
    return [...this.#pairs.values()].filter(({ messages }) => messages > 0).toSorted((a, b) => b.messages - a.messages);
  }

  /** Addresses that nobody is known to own, those with most payload first. */
  unknown(): UnknownAddress[] {
    return [...this.#unknown].map(([key, counts]) => ({ address: addressText(key), ...counts })).toSorted((a, b) => b.bytes - a.bytes);
  }

  counts(): FlowCounts {
    return {
      flows: this.#flowCount,
      repeatedBytes: this.#repeatedBytes,
      orphanFragments: this.#orphanFragments,
      forgottenFlows: this.#forgottenFlows,
    };
  }

  /** The first part has the ports, and in UDP the length of the whole; in TCP the others are bytes further on in the same direction. */
  #fragment(segment: Segment): void {
    const key = segment.fragmentOf!;
    if (segment.fragmentAt === 0) {
      if (this.#fragments.size >= mostFragments) forgetOldest(this.#fragments);
      this.#fragments.set(key, { ...segment });
      this.#count(segment);
      return;
    }
    const start = this.#fragments.get(key);
    if (!start) this.#orphanFragments++;
    else if (start.protocol === "tcp") {
      const sequence = (start.sequence + segment.fragmentAt - start.headerBytes) >>> 0;
      this.#count({ ...start, flags: ack, sequence, payload: segment.payload });
    }
  }

  #count(segment: Segment): void {
    const { source, destination, sourcePort, destinationPort, protocol, flags, payload } = segment;
    const one = `${source} ${sourcePort}`;
    const other = `${destination} ${destinationPort}`;
    const key = one < other ? `${protocol}${one}>${other}` : `${protocol}${other}>${one}`;
    let flow = this.#flows.get(key);
    const begins = protocol === "tcp" && (flags & syn) !== 0;
    if (!flow) {
      if (payload === 0 && !begins) return; // an acknowledgement tells nothing, and would keep flows alive that have ended
      flow = this.#open(segment);
      if (this.#flows.size >= mostFlows) this.#forgottenFlows += forgetOldest(this.#flows);
      this.#flows.set(key, flow);
    }
    const byClient = source === flow.client && sourcePort === flow.clientPort;
    let fresh = payload;
    if (protocol === "tcp") {
      const track = byClient ? flow.fromClient : flow.fromServer;
      // The same ports again for another connection; its numbers may begin anywhere. SYN itself takes one number.
      if (begins) track.reset();
      fresh = track.add(begins ? (segment.sequence + 1) >>> 0 : segment.sequence, payload);
      this.#repeatedBytes += payload - fresh;
    }
    if (fresh === 0 && !(protocol === "udp")) return;
    for (const address of flow.unknown) this.#countUnknown(address, fresh);
    if (!flow.pair) return;
    if (protocol === "udp" || flow.clientSpoke !== byClient) flow.pair.messages++;
    flow.clientSpoke = byClient;
    flow.pair.bytes += fresh;
  }

  #open(segment: Segment): Flow {
    const { source, destination, sourcePort, destinationPort, protocol } = segment;
    const from = this.#book.find(source, sourcePort, protocol);
    const to = this.#book.find(destination, destinationPort, protocol);
    const sourceAsks = asks(segment, from?.listens === true, to?.listens === true);
    const [client, server] = sourceAsks ? [from, to] : [to, from];
    this.#flowCount++;
    const unknown = [...(from ? [] : [source]), ...(to ? [] : [destination])];
    return {
      client: sourceAsks ? source : destination,
      clientPort: sourceAsks ? sourcePort : destinationPort,
      pair: client && server ? this.#pair(client.service, server.service) : null,
      unknown,
      fromClient: new SequenceTrack(),
      fromServer: new SequenceTrack(),
      clientSpoke: null,
    };
  }

  #pair(from: string, to: string): PairCount {
    const key = JSON.stringify([from, to]);
    let pair = this.#pairs.get(key);
    if (!pair) {
      pair = { from, to, messages: 0, bytes: 0 };
      this.#pairs.set(key, pair);
    }
    return pair;
  }

  #countUnknown(address: AddressKey, bytes: number): void {
    const known = this.#unknown.get(address);
    if (known) {
      known.packets++;
      known.bytes += bytes;
    } else if (this.#unknown.size < mostUnknown) this.#unknown.set(address, { packets: 1, bytes });
  }
}

/** Drops the older half; one at a time would walk over the places of all that were dropped before. */
function forgetOldest(map: Map<string, unknown>): number {
  const count = Math.floor(map.size / 2);
  let left = count;
  for (const key of map.keys()) {
    if (left-- <= 0) break;
    map.delete(key);
  }
  return count;
}

/** Whether the source is the client. */
function asks({ flags, sourcePort, destinationPort, protocol }: Segment, sourceListens: boolean, destinationListens: boolean): boolean {
  if (protocol === "tcp" && flags & syn) return (flags & ack) === 0;
  if (sourceListens !== destinationListens) return destinationListens;
  return sourcePort >= destinationPort;
}

/** nicd's relay as a device: streams are lent to it, and what comes on one is written to the one that it is joined with. @module */
import { readFileSync } from "node:fs";
import { fullError, type JoinedStreams, limitError, type Provider, ProviderDevice, type Relay, type RelaySpec, relay } from "@mitsu/hal";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";

/** Who lent a stream. */
export interface StreamOwner {
  /** Bytes were passed on. */
  passed(): void;
  /** The stream is over. */
  closed(error: Error | null, end: LentStream): void;
}

/** What a device counts, all streams together. */
interface Counts {
  joined: number;
  bytes: number;
  dropped: number;
}

/** A stream that was lent: its owner hands its events on to this. A slow reader holds its writer up; an end in one direction is passed on. */
export class LentStream implements ByteStreamEvents {
  readonly number: number;
  readonly stream: ByteStream;
  /** The one that it is joined with. */
  other: LentStream | null = null;
  /** Bytes that came on it and were passed on. */
  bytes = 0;
  readonly #owner: StreamOwner;
  readonly #counts: Counts;

  constructor(number: number, stream: ByteStream, owner: StreamOwner, counts: Counts) {
    this.number = number;
    this.stream = stream;
    this.#owner = owner;
    this.#counts = counts;
  }

  onData(buffer: Buffer, start: number, end: number): void {
    const { other } = this;
    if (other === null) {
      // Nobody to give it to: it came after the two were parted, whose owner closes both then.
      this.#counts.dropped += end - start;
      return;
    }
    this.bytes += end - start;
    this.#counts.bytes += end - start;
    if (!other.stream.write(buffer, start, end)) this.stream.pause();
    this.#owner.passed();
  }

  onEnd(): void {
    this.other?.stream.end();
  }

  onDrain(): void {
    this.other?.stream.resume();
  }

  onClose(error: Error | null): void {
    this.#owner.closed(error, this);
  }
}

/**
 * The device. It has as many entries as this process may have descriptors: a pair has at least one, its other end may be a stream of a link.
 *
 * @example
 * ```ts
 * const device = new RelayDevice();
 * const { operations } = device.install({ capability: relay, spec: { entries: 100 } });
 * const [one, other] = [device.lend(client, owner), device.lend(replica, owner)];
 * operations.join(one.number, other.number);
 * ```
 */
export class RelayDevice extends ProviderDevice {
  readonly #lent: Map<number, LentStream>;
  readonly #counts: Counts;
  #last = 0;

  constructor(entries: number = descriptorLimit()) {
    const [lent, counts] = [new Map<number, LentStream>(), { joined: 0, bytes: 0, dropped: 0 }] as const;
    super({ name: "nicd", kind: "software", version: "1" }, [relays(entries, lent, counts)] as never);
    this.#lent = lent;
    this.#counts = counts;
  }

  /** Pairs that are joined now. */
  get used(): number {
    let ends = 0;
    for (const { other } of this.#lent.values()) if (other !== null) ends++;
    return ends / 2;
  }

  /** Takes a stream under a number of its own. */
  lend(stream: ByteStream, owner: StreamOwner): LentStream {
    const lent = new LentStream(++this.#last, stream, owner, this.#counts);
    this.#lent.set(lent.number, lent);
    return lent;
  }

  /** Forgets a stream that is joined no more. */
  giveBack({ number }: LentStream): void {
    this.#lent.delete(number);
  }
}

function relays(
  entries: number,
  lent: ReadonlyMap<number, LentStream>,
  counts: Counts,
): Provider<RelaySpec, Relay, readonly JoinedStreams[]> {
  let taken = false;
  return {
    capability: relay,
    entries,
    // A message of 64 bytes passed on, read and write with it, on a slow and busy core: test/reactor/relay-costs.ts.
    cost: () => ({ ns: 10_000 }),
    refuses(_spec, state) {
      const missing = state.flat().find((number) => !lent.has(number));
      if (missing !== undefined) return `stream ${missing} was not lent to it`;
      return taken ? "its streams are one set, and another piece of work has them" : undefined;
    },
    open({ entries: most }, state) {
      /** Client's ends, each with its replica's. */
      const pairs = new Map<LentStream, LentStream>();
      const find = (number: number): LentStream => {
        const found = lent.get(number);
        if (found === undefined) throw limitError(`stream ${number} was not lent to this device`);
        return found;
      };
      const join: Relay["join"] = (client, replica) => {
        if (client === replica) throw new RangeError(`stream ${client} cannot be joined with itself`);
        const [one, other] = [find(client), find(replica)];
        if (one.other === other) return;
        for (const end of [one, other]) if (end.other !== null) throw new RangeError(`stream ${end.number} is joined with another`);
        if (pairs.size >= most) throw fullError("relay");
        one.other = other;
        other.other = one;
        pairs.set(one, other);
        counts.joined++;
      };
      const part: Relay["part"] = (number) => {
        const end = lent.get(number);
        const other = end?.other;
        if (!end || !other) return false;
        end.other = null;
        other.other = null;
        pairs.delete(end);
        pairs.delete(other);
        return true;
      };
      for (const [client, replica] of state) join(client, replica);
      taken = true;
      return {
        operations: { join, part, peer: (number) => lent.get(number)?.other?.number },
        export: () => [...pairs].map(([client, replica]) => [client.number, replica.number] as const),
        close() {
          taken = false;
          for (const { number } of pairs.keys()) part(number);
        },
      };
    },
    counters: () => ({ joined: counts.joined, bytes: counts.bytes, dropped: counts.dropped }),
  };
}

/** The most descriptors that this process may have. */
function descriptorLimit(): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
  return Math.min(Number(soft ?? 1024), 2 ** 24);
}

/** Packets into a stream of 64-bit beats and results out of it, for the tests of this folder. @module */

interface StreamPorts {
  s_valid: number;
  s_data: bigint;
  s_keep: number;
  s_last: number;
  readonly s_ready: number;
  m_ready: number;
  readonly m_valid: number;
  readonly m_data: number;
  readonly cycle: number;
  step(): void;
  settle(): void;
}

/** What came out, with the cycles in which each packet's last beat was taken and its result was. */
export interface StreamResult {
  readonly value: number;
  readonly last: number;
  readonly done: number;
}

/** Sends `packets`; `pause` offers nothing in a cycle, `stall` takes nothing. A packet without bytes is one beat that keeps none. */
export function send(ports: StreamPorts, packets: readonly Uint8Array[], pause = () => false, stall = () => false): StreamResult[] {
  const beats = packets.flatMap((packet) => {
    const count = Math.max(1, Math.ceil(packet.length / 8));
    return Array.from({ length: count }, (_, at) => {
      const bytes = packet.subarray(at * 8, at * 8 + 8);
      // What is not kept must not matter: ones.
      const data = Buffer.alloc(8, 0xff);
      data.set(bytes);
      return { data: data.readBigUInt64LE(), keep: 2 ** bytes.length - 1, last: at === count - 1 };
    });
  });
  const lasts: number[] = [];
  const results: StreamResult[] = [];
  for (let at = 0, cycles = 0; results.length < packets.length; cycles++) {
    if (cycles > 100 * beats.length + 1000) throw new Error(`only ${results.length} of ${packets.length} results after ${cycles} cycles`);
    const beat = pause() ? undefined : beats[at];
    ports.s_valid = beat ? 1 : 0;
    if (beat) {
      ports.s_data = beat.data;
      ports.s_keep = beat.keep;
      ports.s_last = beat.last ? 1 : 0;
    }
    ports.m_ready = stall() ? 0 : 1;
    ports.settle();
    if (beat && ports.s_ready) {
      at++;
      if (beat.last) lasts.push(ports.cycle);
    }
    if (ports.m_valid && ports.m_ready) results.push({ value: ports.m_data, last: lasts[results.length]!, done: ports.cycle });
    ports.step();
  }
  return results;
}

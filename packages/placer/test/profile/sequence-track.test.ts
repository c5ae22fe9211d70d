/** Bytes of a TCP direction, each counted once. */

import test from "ava";
import fc from "fast-check";
import { SequenceTrack } from "../../src/profile/sequence-track.ts";

function count(segments: readonly (readonly [number, number])[]): number[] {
  const track = new SequenceTrack();
  return segments.map(([sequence, bytes]) => track.add(sequence >>> 0, bytes));
}

test("add() counts a retransmission nothing, and of one that goes further the rest [RFC 9293 §3.8.1]", (t) => {
  t.deepEqual(
    count([
      [100, 10],
      [110, 10],
      [100, 10],
      [105, 25],
      [130, 1],
    ]),
    [10, 10, 0, 10, 1],
  );
});

test("add() counts what fills a hole once", (t) => {
  t.deepEqual(
    count([
      [0, 10],
      [30, 10],
      [10, 10],
      [10, 10],
      [15, 15],
      [20, 10],
    ]),
    [10, 10, 10, 0, 10, 0],
  );
});

test("add() goes on past 2³² [RFC 9293 §3.4]", (t) => {
  t.deepEqual(
    count([
      [0xffff_fff0, 32],
      [0x10, 5],
      [0xffff_fff8, 8],
      [0x20, 5],
      [0x15, 11],
    ]),
    [32, 5, 0, 5, 11],
  );
});

test("add() takes a keep-alive probe for what it is: a byte that was sent before", (t) => {
  t.deepEqual(
    count([
      [100, 10],
      [109, 1],
      [109, 0],
    ]),
    [10, 0, 0],
  );
});

test("add() begins anew with numbers that no window reaches", (t) => {
  t.deepEqual(
    count([
      [100, 10],
      [100 + 2 ** 31 - 5, 10],
      [100 + 2 ** 31 + 5, 10],
    ]),
    [10, 10, 10],
  );
});

test("add() counts every byte of a stream once, in whichever order and however often its segments come", (t) => {
  const stream = fc.record({
    start: fc.integer({ min: 0, max: 0xffff_ffff }),
    lengths: fc.array(fc.integer({ min: 1, max: 1460 }), { minLength: 2, maxLength: 12 }),
    order: fc.array(fc.nat(11), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(stream, ({ start, lengths, order }) => {
      const places = lengths.map((_, index) => lengths.slice(0, index).reduce((sum, one) => sum + one, 0));
      // The first segment comes first: what was before it cannot be known to be missing.
      const sent = [0, ...order.map((one) => one % lengths.length), ...lengths.keys()];
      const counted = count(sent.map((index) => [start + places[index]!, lengths[index]!])).reduce((sum, one) => sum + one, 0);
      t.is(
        counted,
        lengths.reduce((sum, one) => sum + one, 0),
      );
    }),
    { seed: 1, numRuns: 500 },
  );
});

/** How `async-message` is tried: an engine that sends to itself; async-message-exchange.ts has several. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type AsyncMessage, type AsyncMessageSpec, type AsyncMessageState, asyncMessage } from "../../src/capabilities/async-message.ts";
import type { ConformanceCase } from "../conformance.ts";
import { seededBytes, seededNumbers } from "./seeded-bytes.ts";

/** Looks in a row without news after which a message counts as lost. */
const patience = 10_000;

/** Rings: nothing is lost, doubled or out of order, and neither ring overflows. */
export const asyncMessageCase: ConformanceCase<AsyncMessageSpec, AsyncMessage, AsyncMessageState> = {
  capability: asyncMessage,
  specs: fc.record({
    entries: fc.integer({ min: 1, max: 16 }),
    address: fc.integer({ min: 0, max: 15 }),
    payloadBytes: fc.constantFrom(16, 64),
  }),
  use(operations, { entries, address, payloadBytes }, seed) {
    const next = seededNumbers(seed);
    const messages = Array.from({ length: 100 }, (_, at) => seededBytes(seed + at, 1 + (next() % payloadBytes)));
    const tickets: number[] = [];
    const completed: number[] = [];
    let received = 0;
    for (let idle = 0; received < messages.length || completed.length < messages.length; idle++) {
      assert.ok(idle < patience, `${received} messages came, and ${completed.length} completions`);
      if (tickets.length < messages.length && next() % 2 === 0) {
        const ticket = operations.send(address, messages[tickets.length]!);
        if (ticket !== undefined) tickets.push(ticket);
        assert.ok(tickets.length - completed.length <= 2 * entries, "the rings hold more than their depth");
      }
      if (next() % 3 === 0) {
        const message = operations.receive();
        if (message !== undefined) {
          assert.equal(message.from, address);
          assert.deepEqual(Uint8Array.from(message.payload), messages[received++]);
          idle = 0;
        }
      }
      if (next() % 3 === 0) completed.push(...operations.completed());
    }
    assert.deepEqual(completed, tickets);
    assert.equal(operations.receive(), undefined);
    assert.throws(() => operations.send(address, new Uint8Array(payloadBytes + 1)), RangeError);
  },
  fill(operations, { address }, entries) {
    for (let at = 0; at < entries; at++) {
      let ticket = operations.send(address, Uint8Array.of(at));
      for (let idle = 0; ticket === undefined && idle < patience; idle++) ticket = operations.send(address, Uint8Array.of(at));
      assert.equal(ticket, at);
    }
  },
  filled(operations, _spec, entries) {
    const came: number[] = [];
    const completed: number[] = [];
    for (let idle = 0; idle < patience && (came.length < entries || completed.length < entries); idle++) {
      const message = operations.receive();
      if (message !== undefined) came.push(message.payload[0]!);
      completed.push(...operations.completed());
    }
    const all = Array.from({ length: entries }, (_, at) => at);
    assert.deepEqual(came, all);
    assert.deepEqual(completed, all);
    assert.equal(operations.receive(), undefined);
  },
};

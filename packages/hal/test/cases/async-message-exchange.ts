/** How engines that send to each other are tried, on one device or on several of a network, while they stay and while they move. @module */
import assert from "node:assert/strict";
import test from "ava";
import { type AsyncMessage, type AsyncMessageSpec, asyncMessage } from "../../src/capabilities/async-message.ts";
import type { Device } from "../../src/device.ts";
import { seededBytes, seededNumbers } from "./seeded-bytes.ts";

/** One that takes part. */
export interface Engine {
  readonly address: number;
  readonly operations: AsyncMessage;
}

/** What they do. */
export interface Exchange {
  readonly seed: number;
  /** How many each sends. */
  readonly messages: number;
  readonly payloadBytes: number;
  /** Called between any two calls: here devices come and go. */
  between?(step: number): void;
}

/** Rounds in a row without news after which a message counts as lost. */
const patience = 5000;

/**
 * All send to all, themselves too, and take at random. Asserts that each message comes once, whole, in order of its pair; that each ticket is completed once,
 * in order of its receiver, and not before its message can have come. A call that throws `ERR_HAL_NO_DEVICE` is made again later.
 */
export function exchangeMessages(engines: readonly Engine[], { seed, messages, payloadBytes, between }: Exchange): void {
  const next = seededNumbers(seed);
  const at = new Map(engines.map(({ address }, nth) => [address, nth]));
  const hosts = engines.map(() => ({
    sent: 0,
    /** Tickets without completion, by receiver. */
    open: engines.map(() => [] as number[]),
    completed: 0,
    came: engines.map(() => 0),
    to: engines.map(() => 0),
  }));
  const payloadOf = (from: number, to: number, nth: number): Uint8Array =>
    seededBytes(seed ^ (from << 20) ^ (to << 12) ^ nth, 1 + ((from + to * 3 + nth * 7) % payloadBytes));
  let open = engines.length * messages * 2;
  for (let [step, idle] = [0, 0]; open > 0; step++, idle++) {
    assert.ok(idle < patience, `${open} messages and completions did not come`);
    between?.(step);
    const own = next() % engines.length;
    const [host, { operations }] = [hosts[own]!, engines[own]!];
    try {
      const what = next() % 4;
      if (what < 2 && host.sent < messages) {
        const to = next() % engines.length;
        const ticket = operations.send(engines[to]!.address, payloadOf(own, to, host.to[to]!));
        if (ticket === undefined) continue;
        host.open[to]!.push(ticket);
        host.to[to]!++;
        host.sent++;
        idle = 0;
      } else if (what === 2) {
        const message = operations.receive();
        if (message === undefined) continue;
        const from = at.get(message.from);
        assert.ok(from !== undefined, `a message came from ${message.from}, who is none of us`);
        const nth = host.came[from]!++;
        assert.ok(nth < hosts[from]!.to[own]!, `message ${nth} from ${from} to ${own} was never sent`);
        assert.deepEqual(Uint8Array.from(message.payload), payloadOf(from, own, nth), `message ${nth} from ${from} to ${own}`);
        open--;
        idle = 0;
      } else {
        const told = operations.completed();
        for (const ticket of told) {
          const to = host.open.findIndex((tickets) => tickets[0] === ticket);
          assert.ok(to >= 0, `completion ${ticket} of ${own} is none that is due`);
          host.open[to]!.shift();
          open--;
        }
        if (told.length > 0) idle = 0;
      }
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_HAL_NO_DEVICE") throw error;
    }
  }
  for (const { operations } of engines) {
    assert.equal(operations.receive(), undefined, "a message came that nobody sent");
    assert.deepEqual(operations.completed(), []);
  }
}

/** What engines on one device have to do for each other. */
export const exchangeChecks: readonly { readonly title: string; check(open: () => Device): void }[] = [
  {
    title: "each message between two and three comes once, whole and in order, and is completed",
    check(open) {
      for (const [count, entries, payloadBytes] of [
        [2, 1, 16],
        [2, 8, 64],
        [3, 4, 40],
      ] as const) {
        const device = open();
        exchangeMessages(engines(device, count, { entries, payloadBytes }), { seed: 100 * count + entries, messages: 80, payloadBytes });
      }
    },
  },
  {
    title: "a receiver that takes nothing stops its senders within two rings, and what they sent comes once it takes",
    check(open) {
      const entries = 4;
      const [first, second] = engines(open(), 2, { entries, payloadBytes: 16 });
      const sent = sendUntilRefused(first!, second!.address);
      assert.ok(sent >= entries && sent <= 2 * entries, `${sent} messages for rings of ${entries}`);
      assert.ok(collectCompleted(first!, 0).length <= entries, "no more is completed than a receive ring holds");
      assert.deepEqual(
        collect(second!, sent).map(([nth]) => nth),
        Array.from({ length: sent }, (_, nth) => nth),
      );
    },
  },
  {
    title: "completions that nobody asks for stop a sender within two rings, and all are told",
    check(open) {
      const entries = 4;
      const [first, second] = engines(open(), 2, { entries, payloadBytes: 16 });
      let [sent, came] = [0, 0];
      for (let idle = 0; idle < 500; idle++) {
        if (first!.operations.send(second!.address, Uint8Array.of(sent)) !== undefined) [sent, idle] = [sent + 1, 0];
        const message = second!.operations.receive();
        if (message === undefined) continue;
        assert.equal(message.payload[0], came++);
        idle = 0;
        assert.ok(sent < 100, "it went on for ever");
      }
      assert.ok(sent >= entries && sent <= 3 * entries, `${sent} messages for rings of ${entries}`);
      const told = collectCompleted(first!, sent, () => void collect(second!, 0));
      assert.deepEqual(
        told,
        Array.from({ length: sent }, (_, ticket) => ticket),
      );
    },
  },
  {
    title: "a receiver that takes nothing does not hold up what goes to another",
    check(open) {
      const [first, deaf, third] = engines(open(), 3, { entries: 16, payloadBytes: 64 });
      // Less than a ring, but more bytes than hardware keeps credits for.
      for (let nth = 0; nth < 15; nth++) {
        const ticket = first!.operations.send(deaf!.address, new Uint8Array(64));
        assert.equal(ticket, nth);
      }
      assert.notEqual(first!.operations.send(third!.address, Uint8Array.of(99)), undefined);
      assert.deepEqual(collect(third!, 1), [[99]]);
    },
  },
  {
    title: "what is sent to an address without an engine waits for one",
    check(open) {
      const device = open();
      const [first] = engines(device, 1, { entries: 4, payloadBytes: 16 });
      assert.equal(first!.operations.send(60_000, Uint8Array.of(7)), 0);
      assert.deepEqual(collectCompleted(first!, 0), []);
      const { operations } = device.install({ capability: asyncMessage, spec: { entries: 4, address: 60_000, payloadBytes: 16 } });
      assert.deepEqual(collect({ address: 60_000, operations }, 1), [[7]]);
      assert.deepEqual(collectCompleted(first!, 1), [0]);
    },
  },
  {
    title: "an engine that leaves takes nothing of the others' with it, and one that comes to its address begins anew",
    check(open) {
      const device = open();
      const [first, second] = engines(device, 2, { entries: 8, payloadBytes: 16 });
      const spec: AsyncMessageSpec = { entries: 8, address: 500, payloadBytes: 16 };
      const leaving = device.install({ capability: asyncMessage, spec });
      for (let nth = 0; nth < 4; nth++) {
        assert.equal(first!.operations.send(second!.address, Uint8Array.of(nth)), nth);
        assert.equal(leaving.operations.send(second!.address, Uint8Array.of(50 + nth)), nth);
      }
      second!.operations.receive();
      device.uninstall(leaving);
      const later = device.install({ capability: asyncMessage, spec });
      assert.equal(later.operations.send(first!.address, Uint8Array.of(90)), 0);
      assert.deepEqual(collect(first!, 1), [[90]]);
      const rest: number[] = [];
      for (let idle = 0; idle < 500; idle++) {
        const message = second!.operations.receive();
        if (message?.from === first!.address) rest.push(message.payload[0]!);
      }
      assert.deepEqual(rest.slice(-3), [1, 2, 3]);
      assert.deepEqual(collectCompleted(first!, 4), [0, 1, 2, 3]);
    },
  },
  {
    title: "an address is one engine's",
    check(open) {
      const device = open();
      engines(device, 2, { entries: 4, payloadBytes: 16 });
      const verdict = device.validate({ capability: asyncMessage, spec: { entries: 4, address: 11, payloadBytes: 16 } });
      assert.ok(!verdict.ok && verdict.code === "limit" && verdict.reason.includes("11"));
    },
  },
];

/** Registers them for a device; `open` gives a device without work each time. */
export function exchangeConformance(title: string, open: () => Device): void {
  for (const { title: what, check } of exchangeChecks)
    test(`${title} async-message: ${what}`, (t) => {
      check(open);
      t.pass();
    });
}

/** Engines at 10, 11, … of a device. */
function engines(device: Device, count: number, spec: Omit<AsyncMessageSpec, "address">): readonly Engine[] {
  return Array.from({ length: count }, (_, nth) => ({
    address: 10 + nth,
    operations: device.install({ capability: asyncMessage, spec: { ...spec, address: 10 + nth } }).operations,
  }));
}

/** Sends `[0]`, `[1]`, … until nothing more goes for long. @returns How many went. */
function sendUntilRefused({ operations }: Engine, to: number): number {
  let sent = 0;
  for (let idle = 0; idle < 500; idle++) {
    if (operations.send(to, Uint8Array.of(sent)) === undefined) continue;
    idle = 0;
    sent++;
    assert.ok(sent < 100, "it goes on for ever");
  }
  return sent;
}

/** What comes within a while, as numbers; at least so many. */
function collect({ operations }: Engine, least: number): readonly (readonly number[])[] {
  const came: (readonly number[])[] = [];
  for (let idle = 0; idle < 500; idle++) {
    const message = operations.receive();
    if (message === undefined) continue;
    came.push([...message.payload]);
    idle = 0;
  }
  assert.ok(came.length >= least, `${came.length} messages came, not ${least}`);
  return came;
}

function collectCompleted({ operations }: Engine, least: number, meanwhile = (): void => {}): readonly number[] {
  const told: number[] = [];
  for (let idle = 0; idle < 500 && (told.length < least || least === 0); idle++) {
    if (idle % 100 === 99) meanwhile();
    told.push(...operations.completed());
  }
  assert.ok(told.length >= least, `${told.length} completions came, not ${least}`);
  return told;
}

import test from "ava";
import fc from "fast-check";
import {
  type AsyncMessage,
  type AsyncMessageSpec,
  type AsyncMessageState,
  asyncMessage,
  asyncMessageProvider,
  MessageNetwork,
  type Opened,
  Placement,
  type Policy,
  ProviderDevice,
  type ReceivedMessage,
  softwareAsyncMessage,
} from "../src/mod.ts";
import { exchangeChecks, exchangeMessages } from "./conformance.ts";

/** Engines with something wrong, and the check that has to find it. */
const faults: readonly (readonly [fault: string, check: string, change: (operations: AsyncMessage) => Partial<AsyncMessage>])[] = [
  [
    "loses a message",
    "comes once",
    ({ send }) => {
      let sent = 0;
      return { send: (to, payload) => send(to, ++sent % 20 === 0 ? new Uint8Array(payload.length) : payload) };
    },
  ],
  [
    "gives a message twice",
    "comes once",
    ({ receive }) => {
      let last = receive();
      let calls = 0;
      return {
        receive() {
          if (++calls % 30 !== 0) last = receive();
          return last;
        },
      };
    },
  ],
  [
    "turns two messages round",
    "comes once",
    ({ receive }) => {
      const held: ReceivedMessage[] = [];
      let calls = 0;
      return {
        receive() {
          if (++calls % 10 !== 0) return held.shift() ?? receive();
          const [one, other] = [receive(), receive()];
          if (one) held.push(one);
          return other ?? held.shift();
        },
      };
    },
  ],
  ["completes what did not come", "stops its senders", ({ completed }) => ({ completed: () => [...completed(), 0, 1, 2, 3, 4, 5] })],
  [
    "forgets a completion",
    "comes once",
    ({ completed }) => {
      let calls = 0;
      return { completed: () => completed().filter(() => ++calls % 50 !== 0) };
    },
  ],
];

function wrongEngines(
  change: (opened: Opened<AsyncMessage, AsyncMessageState>) => Opened<AsyncMessage, AsyncMessageState>,
  spec: Partial<AsyncMessageSpec> = {},
): ProviderDevice {
  const provider = asyncMessageProvider();
  return new ProviderDevice({ name: "wrong", kind: "software", version: "0" }, [
    {
      ...provider,
      open: (right: AsyncMessageSpec, state: AsyncMessageState) => change(provider.open({ ...right, ...spec }, state)),
    } as never,
  ]);
}

function foundBy(open: () => ProviderDevice): readonly string[] {
  return exchangeChecks
    .filter(({ check }) => {
      try {
        check(open);
        return false;
      } catch {
        return true;
      }
    })
    .map(({ title }) => title);
}

for (const [fault, found, change] of faults)
  test(`the exchange finds an engine that ${fault}`, (t) => {
    const titles = foundBy(() =>
      wrongEngines((opened) => ({ ...opened, operations: { ...opened.operations, ...change(opened.operations) } })),
    );
    t.true(
      titles.some((title) => title.includes(found)),
      titles.join("; "),
    );
  });

test("the exchange finds engines whose rings have no end", (t) => {
  const titles = foundBy(() => wrongEngines((opened) => opened, { entries: 1000 }));
  t.true(titles.some((title) => title.includes("stops its senders")));
  t.true(titles.some((title) => title.includes("completions that nobody asks for")));
});

const spec = (address: number): AsyncMessageSpec => ({ entries: 4, address, payloadBytes: 32 });

test("engines move between devices of a network while messages are under way: none is lost, doubled or out of order", (t) => {
  const event = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("gone", "back"), device: fc.nat(2) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("entries" as const), device: fc.nat(2), entries: fc.nat(16) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("policy" as const),
        engine: fc.nat(2),
        policy: fc.constantFrom("auto", "hardware-only", "software-only"),
      }),
    },
  );
  let moves = 0;
  fc.assert(
    fc.property(fc.array(event, { minLength: 10, maxLength: 60, size: "max" }), fc.nat(), (events, seed) => {
      const network = new MessageNetwork();
      const devices = (["hardware", "software", "hardware"] as const).map(
        (kind, nth) => new ProviderDevice({ name: `${kind} ${nth}`, kind, version: "0" }, [asyncMessageProvider(network, 16) as never]),
      );
      const placement = new Placement(devices);
      const placed = [20, 21, 22].map((address) => placement.place(`engine ${address}`, { capability: asyncMessage, spec: spec(address) }));
      const queue = [...events];
      exchangeMessages(
        placed.map(({ operations }, nth) => ({ address: 20 + nth, operations })),
        {
          seed,
          messages: 60,
          payloadBytes: 32,
          between(step) {
            if (step % 8 !== 0) return;
            const next = queue.shift();
            if (next === undefined) {
              for (const device of devices) device.setGone(false);
              for (const device of devices) device.setEntries(asyncMessage, 16);
            } else if ("policy" in next) {
              try {
                placement.setPolicy(placed[next.engine]!, next.policy as Policy);
              } catch (error) {
                if ((error as { code?: string }).code !== "ERR_HAL_NO_DEVICE") throw error;
              }
            } else if ("entries" in next) devices[next.device]!.setEntries(asyncMessage, next.entries);
            else devices[next.device]!.setGone(next.kind === "gone");
          },
        },
      );
      moves += placement.report().work.reduce((sum, row) => sum + row.moves, 0);
      placement.close();
      return true;
    }),
    { seed: 8, numRuns: process.env.MITSU_TEST_ALL === "1" ? 500 : 60, endOnFailure: true },
  );
  t.true(moves > 200, `${moves} moves`);
});

test("a state has what was sent and not taken, and a new engine at an old address is not taken for the old one", (t) => {
  const network = new MessageNetwork();
  const device = softwareAsyncMessage(100, network);
  const sender = device.install({ capability: asyncMessage, spec: spec(1) });
  const receiver = device.install({ capability: asyncMessage, spec: spec(2) });
  for (let nth = 0; nth < 6; nth++) sender.operations.send(2, Uint8Array.of(nth));
  t.like(sender.export(), {
    nextTicket: 6,
    sent: [
      { ticket: 4, to: 2, payload: Uint8Array.of(4) },
      { ticket: 5, to: 2, payload: Uint8Array.of(5) },
    ],
    completed: [0, 1, 2, 3],
  });
  t.is(receiver.export().received.length, 4);
  device.uninstall(sender);
  const again = device.install({ capability: asyncMessage, spec: spec(1) });
  t.not(again.export().session, sender.export().session);
  const came: number[] = [];
  for (let message = receiver.operations.receive(); message !== undefined; message = receiver.operations.receive())
    came.push(message.payload[0]!);
  t.deepEqual(came, [0, 1, 2, 3]);
  t.is(again.operations.send(2, Uint8Array.of(77)), 0);
  t.deepEqual(receiver.operations.receive()?.payload, Uint8Array.of(77));
});

test("validate() refuses a second engine at an address, and lets the same one move there", (t) => {
  const network = new MessageNetwork();
  const [one, other] = [softwareAsyncMessage(100, network, "one"), softwareAsyncMessage(100, network, "other")];
  const work = { capability: asyncMessage, spec: spec(5) };
  const installed = one.install(work);
  t.deepEqual(other.validate(work), { ok: false, code: "limit", reason: "address 5 is another engine's" });
  t.true(other.validate(work, installed.export()).ok);
  one.uninstall(installed);
  t.true(other.validate(work).ok);
});

test("send() takes whole addresses only", (t) => {
  const { operations } = softwareAsyncMessage().install({ capability: asyncMessage, spec: spec(5) });
  for (const to of [-1, 0.5, 65_536, Number.NaN]) t.throws(() => operations.send(to, new Uint8Array(1)), { instanceOf: RangeError });
});

/** The `async-message` device over async_mesh.sv: hal's suite, engines among each other, and engines that move between it and software. */
import { existsSync } from "node:fs";
import { type AsyncMessage, type AsyncMessageSpec, asyncMessage, MessageNetwork, Placement, softwareAsyncMessage } from "@mitsu/hal";
import { asyncMessageCase, conformance, exchangeConformance, exchangeMessages } from "@mitsu/hal/conformance";
import { AsyncMesh } from "../../models/async_mesh.ts";
import { asyncMessageDevice } from "../../src/devices/async-message.ts";
import { draws } from "../async-engine/draws.ts";
import { serialModelTest } from "../rtl-test.ts";

const built = existsSync(new URL("../../models/async_mesh.wasm", import.meta.url));
// A check has two devices at most, and a device resets its model.
const models = built ? [await AsyncMesh.open(), await AsyncMesh.open()] : [];
let opened = 0;
const nextModel = (): AsyncMesh => models[opened++ % 2]!;

if (built) {
  conformance("async_mesh.sv", () => asyncMessageDevice(nextModel()), [asyncMessageCase]);
  for (const latency of [1, 40])
    exchangeConformance(`async_mesh.sv with links of ${latency}`, () => asyncMessageDevice(nextModel(), { latency }));
} else serialModelTest("async_mesh.sv is a device", (t) => t.fail("there are no models"));

const spec = (address: number): AsyncMessageSpec => ({ entries: 8, address, payloadBytes: 40 });

serialModelTest("a message of a frame takes 4 cycles, longer ones as many more", (t) => {
  const device = asyncMessageDevice(nextModel(), { clockMhz: 250 });
  const cost = (payloadBytes: number) => {
    const verdict = device.validate({ capability: asyncMessage, spec: { ...spec(1), payloadBytes } });
    return verdict.ok ? verdict.cost : undefined;
  };
  t.deepEqual(cost(8), { ns: 16, cycles: 4 });
  t.deepEqual(cost(9), { ns: 32, cycles: 8 });
  t.deepEqual(cost(1024), { ns: 1040, cycles: 260 });
});

serialModelTest("validate() refuses longer rings, longer messages, and a fifth engine", (t) => {
  const device = asyncMessageDevice(nextModel());
  const reason = (more: Partial<AsyncMessageSpec>) => {
    const verdict = device.validate({ capability: asyncMessage, spec: { ...spec(9), ...more } });
    return verdict.ok ? undefined : verdict.reason;
  };
  t.is(reason({ entries: 65 }), "a ring has 64 messages at most, not 65");
  t.is(reason({ payloadBytes: 1025 }), "a message has 1024 bytes at most, not 1025");
  for (const address of [1, 2, 3, 4]) device.install({ capability: asyncMessage, spec: spec(address) });
  t.is(reason({}), "all 4 engines are in use");
  for (const options of [{ latency: 0 }, { latency: 256 }, { clockMhz: 0 }])
    t.throws(() => asyncMessageDevice(nextModel(), options), { instanceOf: RangeError });
});

serialModelTest("payloads of every length come whole, those beyond the credits too", (t) => {
  const device = asyncMessageDevice(nextModel());
  const [one, other] = [1, 2].map(
    (address) => device.install({ capability: asyncMessage, spec: { entries: 8, address, payloadBytes: 1024 } }).operations,
  );
  for (const length of [0, 1, 7, 8, 9, 24, 25, 100, 255, 256, 1000, 1023, 1024]) {
    const payload = Uint8Array.from({ length }, (_, at) => at * 31 + length);
    t.not(one!.send(2, payload), undefined);
    let message = other!.receive();
    for (let looks = 0; message === undefined && looks < 200; looks++) message = other!.receive();
    t.deepEqual(message, { from: 1, payload });
    for (let looks = 0; one!.completed().length === 0 && looks < 200; looks++);
  }
  t.is(device.counters()["async-message.repeated"], 0);
});

serialModelTest("four engines that send all they can to one fill its ring and overflow nothing", (t) => {
  const device = asyncMessageDevice(nextModel());
  const engines = [1, 2, 3, 4].map(
    (address) => device.install({ capability: asyncMessage, spec: { entries: 64, address, payloadBytes: 24 } }).operations,
  );
  let sent = 0;
  for (let idle = 0; idle < 100; idle++)
    for (const { send } of engines)
      if (send(1, new Uint8Array(24)) !== undefined) {
        sent++;
        idle = 0;
      }
  t.is(sent, 4 * 64);
  const came = Object.values(restBySender(engines[0]!)).flat();
  t.is(came.length, 4 * 64);
  t.is(device.offers().length, 1);
});

/** Two engines of three with messages to each other in all rings, on the mesh, with software beside it. */
function underWay() {
  const network = new MessageNetwork();
  const [nic, software] = [asyncMessageDevice(nextModel(), { network, clockMhz: 250 }), softwareAsyncMessage(1000, network)];
  const placement = new Placement([nic, software]);
  const placed = [1, 2, 3].map((address) => placement.place(`engine ${address}`, { capability: asyncMessage, spec: spec(address) }));
  const engines = placed.map(({ operations }, nth) => ({ address: nth + 1, operations }));
  for (let nth = 0; nth < 4; nth++)
    for (const [from, to] of [
      [0, 2],
      [1, 3],
      [2, 1],
      [2, 2],
    ] as const)
      engines[from]!.operations.send(to, Uint8Array.of(from, nth));
  engines[1]!.operations.receive();
  return { nic, software, placement, placed, engines };
}

/** What an engine has still to get, by sender. */
function restBySender(operations: AsyncMessage): Record<number, number[]> {
  const came: Record<number, number[]> = {};
  for (let idle = 0; idle < 300; idle++) {
    const message = operations.receive();
    if (message === undefined) continue;
    came[message.from] = [...(came[message.from] ?? []), message.payload[1]!];
    idle = 0;
  }
  return came;
}

for (const [what, lose] of [
  ["loses entries for one engine", ({ nic }: ReturnType<typeof underWay>) => nic.setEntries(asyncMessage, 16)],
  ["loses all entries", ({ nic }: ReturnType<typeof underWay>) => nic.setEntries(asyncMessage, 0)],
  ["is gone", ({ nic }: ReturnType<typeof underWay>) => nic.setGone(true)],
  [
    "may not have one engine any more",
    ({ placement, placed }: ReturnType<typeof underWay>) => placement.setPolicy(placed[1]!, "software-only"),
  ],
] as const)
  serialModelTest(`a mesh that ${what} while messages are under way loses, doubles and turns round none`, (t) => {
    const all = underWay();
    const { engines, placed, nic } = all;
    t.true(placed.every(({ device }) => device === nic));
    lose(all);
    t.true(placed.some(({ device }) => device !== nic));
    // The second has taken one already, of whichever sender came first.
    const second = restBySender(engines[1]!.operations);
    t.is((second[1]?.length ?? 0) + (second[3]?.length ?? 0), 7);
    for (const came of Object.values(second)) t.deepEqual(came, [0, 1, 2, 3].slice(-came.length));
    t.deepEqual(restBySender(engines[0]!.operations), { 3: [0, 1, 2, 3] });
    t.deepEqual(restBySender(engines[2]!.operations), { 2: [0, 1, 2, 3] });
    for (const [nth, { operations }] of engines.entries()) {
      const told: number[] = [];
      for (let looks = 0; looks < 100; looks++) told.push(...operations.completed());
      t.is(told.length, nth === 2 ? 8 : 4, `engine ${nth + 1}`);
    }
  });

serialModelTest("a message whose completion was on the wire when another engine left is sent again, and comes once", (t) => {
  const device = asyncMessageDevice(nextModel(), { latency: 200 });
  const [first, second, third] = [1, 2, 3].map((address) => device.install({ capability: asyncMessage, spec: spec(address) }));
  first!.operations.send(2, Uint8Array.of(7));
  let message = second!.operations.receive();
  for (let looks = 0; message === undefined && looks < 100; looks++) message = second!.operations.receive();
  t.deepEqual(message, { from: 1, payload: Uint8Array.of(7) });
  t.deepEqual(first!.operations.completed(), []);
  device.uninstall(third!);
  first!.operations.send(2, Uint8Array.of(8));
  const came: number[] = [];
  const told: number[] = [];
  for (let looks = 0; looks < 100; looks++) {
    came.push(...(second!.operations.receive()?.payload ?? []));
    told.push(...first!.operations.completed());
  }
  t.deepEqual([came, told], [[8], [0, 1]]);
  t.like(device.counters(), { "async-message.resets": 1, "async-message.repeated": 1 });
});

serialModelTest("a model that ends in the middle of an exchange is gone, and software goes on", async (t) => {
  for (const seed of [1, 2, 3, 4]) {
    const network = new MessageNetwork();
    const model = await AsyncMesh.open();
    const nic = asyncMessageDevice(model, { network, clockMhz: 250 });
    const placement = new Placement([nic, softwareAsyncMessage(1000, network)]);
    const placed = [1, 2, 3].map((address) => placement.place(`engine ${address}`, { capability: asyncMessage, spec: spec(address) }));
    const step = model.step.bind(model);
    let left = 1000 + 97 * seed;
    model.step = (n) => {
      if (left-- === 0) throw new Error("$fatal");
      step(n);
    };
    exchangeMessages(
      placed.map(({ operations }, nth) => ({ address: nth + 1, operations })),
      { seed, messages: 60, payloadBytes: 40 },
    );
    t.true(placed.every(({ device }) => device?.identity.kind === "software"));
    t.deepEqual(nic.offers(), []);
  }
});

serialModelTest("engines move between the mesh and software at random while they exchange messages", (t) => {
  const runs = process.env.MITSU_TEST_ALL === "1" ? 300 : 8;
  let [moves, resets] = [0, 0];
  for (let seed = 1; seed <= runs; seed++) {
    const network = new MessageNetwork();
    const nic = asyncMessageDevice(nextModel(), { network, clockMhz: 250, latency: 1 + ((seed * 37) % 100) });
    const placement = new Placement([nic, softwareAsyncMessage(1000, network)]);
    const placed = [1, 2, 3].map((address) => placement.place(`engine ${address}`, { capability: asyncMessage, spec: spec(address) }));
    const random = draws(seed);
    exchangeMessages(
      placed.map(({ operations }, nth) => ({ address: nth + 1, operations })),
      {
        seed,
        messages: 40,
        payloadBytes: 40,
        between() {
          const what = Math.floor(random() * 40);
          if (what === 0) nic.setGone(random() < 0.5);
          else if (what === 1) nic.setEntries(asyncMessage, 8 * Math.floor(random() * 5));
          else if (what === 2) placement.improve();
          else if (what === 3) placement.setPolicy(placed[Math.floor(random() * 3)]!, random() < 0.5 ? "auto" : "software-only");
        },
      },
    );
    moves += placement.report().work.reduce((sum, row) => sum + row.moves, 0);
    resets += nic.counters()["async-message.resets"]!;
    placement.close();
  }
  t.log(`${runs} runs: ${moves} moves, ${resets} resets`);
  t.true(moves > 5 * runs && resets > runs, `${moves} moves, ${resets} resets`);
});

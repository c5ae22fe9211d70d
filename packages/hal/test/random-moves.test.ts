import test from "ava";
import fc from "fast-check";
import { matchAction, Placement } from "../src/mod.ts";
import { tableDevice } from "./doubles/table-device.ts";

test("whatever devices lose and gain, every call answers as one table would", (t) => {
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("add", "remove", "lookup"), key: fc.nat(20), action: fc.nat(99) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("entries"), device: fc.nat(2), entries: fc.integer({ min: 0, max: 24 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("gone", "back", "improve"), device: fc.nat(2) }) },
  );
  let moves = 0;
  fc.assert(
    fc.property(fc.array(event, { minLength: 40, maxLength: 120, size: "max" }), (events) => {
      const devices = [tableDevice("a", { ns: 1 }), tableDevice("b", { ns: 2, entries: 16 }), tableDevice("c", { ns: 3, entries: 64 })];
      const placement = new Placement(devices);
      const placed = placement.place("routes", { capability: matchAction, spec: { entries: 2, keyBits: 8, match: "exact" } });
      const beside = placement.place("beside", { capability: matchAction, spec: { entries: 4, keyBits: 8, match: "exact" } });
      beside.operations.add(1n, 8, 1);
      const rows = new Map<number, { action: number; hits: number }>();
      for (const one of events) {
        if ("key" in one) {
          const { kind, key, action } = one;
          if (placed.device === undefined) {
            t.throws(() => placed.operations.lookup(BigInt(key)), { code: "ERR_HAL_NO_DEVICE" });
            continue;
          }
          if (kind === "remove") {
            if (placed.operations.remove(BigInt(key), 8) !== rows.delete(key)) return false;
          } else if (kind === "lookup") {
            const row = rows.get(key);
            if (row !== undefined) row.hits++;
            if (placed.operations.lookup(BigInt(key)) !== row?.action) return false;
          } else
            try {
              placed.operations.add(BigInt(key), 8, action);
              rows.set(key, { action, hits: rows.get(key)?.hits ?? 0 });
            } catch (error) {
              // Nothing has more room, and so it is said.
              if ((error as { code?: string }).code !== "ERR_HAL_FULL" || rows.has(key)) throw error;
            }
        } else if ("entries" in one) devices[one.device]!.setEntries(matchAction, one.entries);
        else if (one.kind === "improve") placement.improve();
        else devices[one.device]!.setGone(one.kind === "gone");
        if (placed.device !== undefined)
          for (const [key, row] of rows) if (placed.operations.hits(BigInt(key), 8) !== row.hits) return false;
        if (beside.device !== undefined && beside.operations.hits(1n, 8) !== 0) return false;
        const installed = devices.reduce((sum, device) => sum + device.counters()["match-action.installed"]!, 0);
        if (installed !== [placed, beside].filter(({ device }) => device !== undefined).length) return false;
      }
      moves += placement.report().work[0]!.moves;
      return true;
    }),
    { seed: 8, numRuns: 300 },
  );
  t.true(moves > 100, `${moves} moves`);
});

test("a call beyond its device's limits is answered by one with wider limits, and with none it is where it was", (t) => {
  const narrow = (name: string, ns: number, most: bigint): ProviderDevice => {
    const device = tableDevice(name, { ns });
    const install = device.install.bind(device);
    device.install = (...args) => {
      const installed = install(...args);
      const { add } = installed.operations as { add(...all: unknown[]): void };
      const limited = (key: bigint, ...rest: unknown[]): void => {
        if (key > most) throw limitError(`keys go to ${most}, not ${key}`);
        add(key, ...rest);
      };
      Object.assign(installed.operations, { add: limited });
      return installed;
    };
    return device;
  };
  const placement = new Placement([narrow("nic", 1, 9n), narrow("wide", 2, 99n)]);
  const placed = placement.place("routes", work);
  placed.operations.add(1n, 32, 11);
  placed.operations.add(2n, 32, 22);
  t.throws(() => placed.operations.add(1000n, 32, 3), {
    code: "ERR_HAL_LIMIT",
    message: "a call of routes (match-action) is beyond every device: nic: keys go to 9, not 1000; wide: keys go to 99, not 1000",
  });
  t.is(placed.device?.identity.name, "nic");
  placed.operations.add(50n, 32, 33);
  t.is(placed.device?.identity.name, "wide");
  t.is(rowOf(placement, "routes").why, "keys go to 9, not 50; the only one that takes it");
  for (const [key, action] of [
    [1n, 11],
    [2n, 22],
    [50n, 33],
    [1000n, undefined],
  ] as const)
    t.is(placed.operations.lookup(key), action);
});

test("messages in an engine's rings move with it, in order", (t) => {
  const [first, second] = [loopback(8, "first"), loopback(8, "second")];
  const placement = new Placement([first, second]);
  const { operations } = placement.place("engine", { capability: asyncMessage, spec: { entries: 4, address: 3, payloadBytes: 8 } });
  for (let at = 0; at < 4; at++) t.is(operations.send(3, Uint8Array.of(at)), at);
  t.is(operations.send(3, Uint8Array.of(9)), undefined);
  t.deepEqual(operations.receive()?.payload, Uint8Array.of(0));
  first.setGone(true);
  t.deepEqual(operations.completed(), [0, 1, 2, 3]);
  t.is(operations.send(3, Uint8Array.of(4)), 4);
  for (let at = 1; at <= 4; at++) t.deepEqual(operations.receive()?.payload, Uint8Array.of(at));
  t.deepEqual(second.counters(), { "async-message.installed": 1, "async-message.entries": 4 });
});

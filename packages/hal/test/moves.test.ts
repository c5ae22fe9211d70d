import { type OutputStream, testEnv } from "@mitsu/cli";
import test from "ava";
import {
  asyncMessage,
  formatReport,
  goneError,
  limitError,
  type MatchActionSpec,
  matchAction,
  Placement,
  type ProviderDevice,
  softwareAsyncMessage,
  softwareMatchAction,
} from "../src/mod.ts";
import { tableDevice } from "./doubles/table-device.ts";

const spec: MatchActionSpec = { entries: 4, keyBits: 32, match: "exact" };
const work = { capability: matchAction, spec };
const out: OutputStream = { ...testEnv().stdout, isTTY: false };

function rowOf(placement: Placement, name: string) {
  return placement.report().work.find((row) => row.work === name)!;
}

test("fewer entries move the work that came last, with its rows and hits, and calls go on", (t) => {
  const nic = tableDevice("nic");
  const notices: string[] = [];
  const placement = new Placement([nic, softwareMatchAction()], { notice: (text) => notices.push(text) });
  const first = placement.place("first", work);
  const last = placement.place("last", work);
  const { operations } = last;
  operations.add(1n, 32, 11);
  operations.add(2n, 32, 22);
  operations.lookup(1n);
  nic.setEntries(matchAction, 8);
  t.is(last.device, nic);
  nic.setEntries(matchAction, 5);
  t.is(first.device, nic);
  t.is(last.device?.identity.name, "software-match-action");
  t.is(operations.lookup(1n), 11);
  t.is(operations.hits(1n, 32), 2);
  t.is(operations.lookup(2n), 22);
  t.deepEqual(notices, ["last moved from nic to software-match-action: nic has lost entries"]);
  t.like(rowOf(placement, "last"), { moves: 1, why: "nic has lost entries; the only one that takes it" });
  t.deepEqual(rowOf(placement, "last").refused, []);
  t.is(nic.counters()["match-action.installed"], 1);
});

test("fewer entries, and nothing else fits: the work stays, and the report says so", (t) => {
  const nic = tableDevice("nic");
  const notices: string[] = [];
  const placement = new Placement([nic], { notice: (text) => notices.push(text) });
  const { operations } = placement.place("routes", work);
  operations.add(1n, 32, 11);
  nic.setEntries(matchAction, 2);
  t.is(operations.lookup(1n), 11);
  t.like(rowOf(placement, "routes"), { device: "nic", moves: 0, why: "nic has lost entries, and nothing else takes it: it stays" });
  t.deepEqual(notices, ["routes (match-action) cannot move, though nic has lost entries: there is no other device"]);
  placement.add(softwareMatchAction());
  t.is(rowOf(placement, "routes").device, "software-match-action");
  t.is(operations.lookup(1n), 11);
});

test("a device that goes away, and nothing else fits: calls say so, the state waits for the next device", (t) => {
  const nic = tableDevice("nic");
  const placement = new Placement([nic, softwareMatchAction(3)]);
  const placed = placement.place("routes", work);
  const { operations } = placed;
  operations.add(1n, 32, 11);
  nic.setGone(true);
  t.is(placed.device, undefined);
  t.throws(() => operations.lookup(1n), {
    code: "ERR_HAL_NO_DEVICE",
    message: "routes (match-action) runs nowhere: nic: the device is gone; software-match-action: has 3 entries in all, not 4",
  });
  t.like(rowOf(placement, "routes"), {
    device: undefined,
    cost: undefined,
    why: "nic is gone, and nothing else takes it: its state is kept",
  });
  t.regex(formatReport(placement.report(), out), /routes +match-action +auto +- +- /);
  nic.setGone(false);
  t.is(placed.device, nic);
  t.is(operations.lookup(1n), 11);
  t.is(nic.counters()["match-action.installed"], 1);
});

test("a call that finds its device gone is answered by the next one", (t) => {
  const nic = tableDevice("nic");
  let dead = false;
  const install = nic.install.bind(nic);
  nic.install = (...args) => {
    const installed = install(...args);
    const { lookup } = installed.operations as { lookup(key: bigint): number | undefined };
    Object.assign(installed.operations, {
      lookup(key: bigint) {
        if (dead) throw goneError("nic");
        return lookup(key);
      },
    });
    return installed;
  };
  const placement = new Placement([nic, softwareMatchAction()]);
  const { operations } = placement.place("routes", work);
  operations.add(1n, 32, 11);
  dead = true;
  t.is(operations.lookup(1n), 11);
  t.is(rowOf(placement, "routes").device, "software-match-action");
});

test("a call in which its device notices that it is gone is answered by the next one, and moves the work once", (t) => {
  const nic = tableDevice("nic");
  const install = nic.install.bind(nic);
  nic.install = (...args) => {
    const installed = install(...args);
    const lookup = (): never => {
      nic.setGone(true);
      throw goneError("nic");
    };
    Object.assign(installed.operations, { lookup });
    return installed;
  };
  const placement = new Placement([nic, tableDevice("next"), softwareMatchAction()]);
  const { operations } = placement.place("routes", work);
  operations.add(1n, 32, 11);
  t.is(operations.lookup(1n), 11);
  t.like(rowOf(placement, "routes"), { device: "next", moves: 1 });
});

test("an error of the caller's is the caller's: nothing moves", (t) => {
  const placement = new Placement([tableDevice("nic"), softwareMatchAction()]);
  const { operations } = placement.place("routes", work);
  t.throws(() => operations.lookup(-1n), { instanceOf: RangeError });
  t.is(rowOf(placement, "routes").moves, 0);
});

test("work that fills up gets twice the entries where it is, then on the next device", (t) => {
  const nic = tableDevice("nic");
  const placement = new Placement([nic, softwareMatchAction()]);
  const { operations } = placement.place("routes", work);
  const fillTo = (rows: number) => {
    for (let at = 0; at < rows; at++) operations.add(BigInt(at), 32, at);
  };
  fillTo(8);
  t.like(rowOf(placement, "routes"), { device: "nic", entries: 8, moves: 0 });
  fillTo(9);
  t.like(rowOf(placement, "routes"), { device: "software-match-action", entries: 16, moves: 1 });
  t.is(rowOf(placement, "routes").refused[0]?.reason, "has 8 entries in all, not 16");
  for (let at = 0; at < 9; at++) t.is(operations.lookup(BigInt(at)), at);
  t.is(nic.counters()["match-action.entries"], 0);
});

test("work that fills up where nothing has more: ERR_HAL_FULL with each reason, and it keeps what there was", (t) => {
  const placement = new Placement([tableDevice("nic", { entries: 4 }), softwareMatchAction(5)]);
  const { operations } = placement.place("routes", work);
  for (let at = 0; at < 4; at++) operations.add(BigInt(at), 32, at);
  t.throws(() => operations.add(9n, 32, 9), {
    code: "ERR_HAL_FULL",
    message:
      "routes (match-action) is full and cannot have 8 entries: nic: has 4 entries in all, not 8; software-match-action: has 5 entries in all, not 8",
  });
  t.like(rowOf(placement, "routes"), { device: "nic", entries: 4, moves: 0, why: "the cheapest; next software-match-action 200 ns" });
  for (let at = 0; at < 4; at++) t.is(operations.lookup(BigInt(at)), at);
  t.is(operations.lookup(9n), undefined);
  t.true(operations.remove(0n, 32));
  operations.add(9n, 32, 9);
  t.is(operations.lookup(9n), 9);
});

test("improve() moves work to what has become cheaper", (t) => {
  const placement = new Placement([softwareMatchAction()]);
  const { operations } = placement.place("routes", work);
  operations.add(1n, 32, 11);
  placement.add(tableDevice("nic"));
  t.is(rowOf(placement, "routes").device, "software-match-action");
  t.is(placement.improve(), 1);
  t.like(rowOf(placement, "routes"), { device: "nic", why: "it is cheaper there; the only one that takes it" });
  t.is(operations.lookup(1n), 11);
  placement.add(tableDevice("equal"));
  t.is(placement.improve(), 0);
});

test("remove() empties a device, or leaves it when its work fits nowhere else", (t) => {
  const nic = tableDevice("nic");
  const placement = new Placement([nic]);
  const placed = placement.place("routes", work);
  t.throws(() => placement.remove(nic), { code: "ERR_HAL_NO_DEVICE" });
  t.is(placed.device, nic);
  placement.add(softwareMatchAction());
  placement.remove(nic);
  t.is(placed.device?.identity.name, "software-match-action");
  nic.setGone(true);
  t.is(rowOf(placement, "routes").moves, 1);
  t.throws(() => placement.add(softwareMatchAction()), { code: "ERR_HAL_DEVICE_NAME" });
});

test("withdraw() frees entries, which waiting work then gets; close() frees all", (t) => {
  const [nic, other] = [tableDevice("nic", { entries: 4 }), tableDevice("other", { entries: 4 })];
  const placement = new Placement([nic, other]);
  const [first, second] = [placement.place("first", work), placement.place("second", work)];
  second.operations.add(1n, 32, 11);
  other.setGone(true);
  t.is(second.device, undefined);
  placement.withdraw(first);
  placement.withdraw(first);
  t.is(second.device, nic);
  t.is(second.operations.lookup(1n), 11);
  t.throws(() => first.operations.lookup(1n), { code: "ERR_HAL_NO_DEVICE" });
  placement.close();
  t.is(nic.counters()["match-action.installed"], 0);
  nic.setGone(true);
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
  const [first, second] = [softwareAsyncMessage(8, undefined, "first"), softwareAsyncMessage(8, undefined, "second")];
  const placement = new Placement([first, second]);
  const { operations } = placement.place("engine", { capability: asyncMessage, spec: { entries: 4, address: 3, payloadBytes: 8 } });
  for (let at = 0; at < 4; at++) t.is(operations.send(3, Uint8Array.of(at)), at);
  t.deepEqual(operations.receive()?.payload, Uint8Array.of(0));
  first.setGone(true);
  t.deepEqual(operations.completed(), [0, 1, 2, 3]);
  t.is(operations.send(3, Uint8Array.of(4)), 4);
  for (let at = 1; at <= 4; at++) t.deepEqual(operations.receive()?.payload, Uint8Array.of(at));
  t.like(second.counters(), { "async-message.installed": 1, "async-message.entries": 4 });
});

test("a device that does not say what it offers, or gives no state back, ends nothing but its own work", (t) => {
  const broken = tableDevice("broken");
  const notices: string[] = [];
  const placement = new Placement([broken, softwareMatchAction()], { notice: (text) => notices.push(text) });
  const [lost, other] = [placement.place("lost", work), placement.place("other", work, "software-only")];
  other.operations.add(1n, 32, 11);
  lost.operations.add(1n, 32, 22);
  const { installed } = lost as unknown as { readonly installed: { export(): unknown } };
  const { export: exported } = installed;
  installed.export = () => {
    throw new Error("no answer");
  };
  broken.offers = () => {
    throw new Error("bus error");
  };
  broken.setEntries(matchAction, 7);
  t.is(rowOf(placement, "lost").why, "broken is gone, and does not give its state back (no answer): it stays");
  t.is(other.operations.lookup(1n), 11);
  t.true(notices.includes("device broken does not say what it offers (bus error): skipped"));
  const { operations } = installed as unknown as { readonly operations: { lookup(key: bigint): number } };
  const { lookup } = operations;
  operations.lookup = () => {
    throw goneError("broken");
  };
  t.throws(() => lost.operations.lookup(1n), { code: "ERR_HAL_GONE" });
  // It answers again: the work moves with its state.
  [operations.lookup, installed.export] = [lookup, exported];
  broken.setEntries(matchAction, 8);
  t.is(lost.device?.identity.name, "software-match-action");
  t.is(lost.operations.lookup(1n), 22);
});

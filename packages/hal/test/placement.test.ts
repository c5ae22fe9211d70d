import { type OutputStream, testEnv } from "@mitsu/cli";
import test from "ava";
import {
  type AnyCapability,
  checksum,
  formatReport,
  hash,
  type MatchActionSpec,
  matchAction,
  matchActionProvider,
  Placement,
  type Policy,
  ProviderDevice,
  softwareChecksum,
  softwareMatchAction,
} from "../src/mod.ts";
import { filter, filterDevice } from "./doubles/filter.ts";
import { tableDevice } from "./doubles/table-device.ts";

const spec: MatchActionSpec = { entries: 4, keyBits: 32, match: "exact" };
const work = { capability: matchAction, spec };
const out: OutputStream = { ...testEnv().stdout, isTTY: false };

function rowOf(placement: Placement, name: string) {
  return placement.report().work.find((row) => row.work === name)!;
}

test("place() takes the cheapest device that validates the work, and says why", (t) => {
  const placement = new Placement([tableDevice("slow", { ns: 90 }), softwareMatchAction(), tableDevice("nic", { ns: 20 })]);
  const placed = placement.place("routes", work);
  t.is(placed.device?.identity.name, "nic");
  t.like(rowOf(placement, "routes"), {
    device: "nic",
    kind: "hardware",
    cost: { ns: 20 },
    why: "the cheapest; next slow 90 ns",
    refused: [],
  });
});

test("place() takes cheaper software before hardware", (t) => {
  const placement = new Placement([tableDevice("nic"), tableDevice("soft", { ns: 19, kind: "software" })]);
  t.is(placement.place("routes", work).device?.identity.name, "soft");
});

test("place() prefers hardware among equals", (t) => {
  const placement = new Placement([tableDevice("soft", { kind: "software" }), tableDevice("nic")]);
  t.is(placement.place("routes", work).device?.identity.name, "nic");
  t.is(rowOf(placement, "routes").why, "as cheap as soft 20 ns");
});

for (const [policy, device, refused] of [
  ["auto", "nic", ["sums"]],
  ["hardware-only", "nic", ["software-match-action", "sums"]],
  ["software-only", "software-match-action", ["nic", "sums"]],
] as const)
  test(`place() with ${policy} chooses ${device}`, (t) => {
    const placement = new Placement([tableDevice("nic"), softwareMatchAction(), softwareChecksum("sums")]);
    placement.place("routes", work, policy);
    const row = rowOf(placement, "routes");
    t.is(row.device, device);
    t.deepEqual(
      row.refused.map((one) => one.device),
      [...refused],
    );
  });

test("place() that no device takes says each one's reason, and leaves nothing", (t) => {
  const nic = tableDevice("nic", { entries: 3 });
  const placement = new Placement([nic, softwareChecksum("sums"), softwareMatchAction()]);
  const error = t.throws(() => placement.place("routes", work, "hardware-only"), { code: "ERR_HAL_NO_DEVICE" });
  t.is(
    error?.message,
    "routes (match-action) cannot be placed: nic: has 3 entries in all, not 4; sums: is software; software-match-action: is software",
  );
  t.deepEqual(placement.report().work, []);
  t.is(nic.counters()["match-action.installed"], 0);
});

test("place() refuses a spec that is none, with the field and what was meant", (t) => {
  const placement = new Placement([softwareMatchAction()]);
  const bad = (extra: object) => ({ capability: matchAction, spec: { ...spec, ...extra } });
  t.throws(() => placement.place("routes", bad({ keybits: 3 })), {
    code: "ERR_HAL_SPEC",
    message: /unknown field "keybits"; did you mean keyBits\?/,
  });
  t.throws(() => placement.place("routes", bad({ keyBits: 129 })), { message: /keyBits is 129, not a whole number from 1 to 128/ });
  t.throws(() => placement.place("routes", bad({ match: "range" })), { message: /match is "range", not exact or prefix/ });
  t.throws(() => placement.place("routes", bad({ entries: undefined })), { message: /entries is missing/ });
  t.throws(() => placement.place("routes", { capability: hash, spec: { algorithm: "toeplitz", key: new Uint8Array(3) } }), {
    message: /key has 3 bytes, not 8 to 256/,
  });
  t.throws(() => placement.place("routes", work, "best" as Policy), { code: "ERR_HAL_POLICY" });
});

test("place() goes on to the next device when one breaks its word", (t) => {
  const liar = tableDevice("liar", { ns: 1 });
  liar.install = () => {
    throw new Error("no answer from the card");
  };
  const crashing = tableDevice("crashing", { ns: 2 });
  crashing.validate = () => {
    throw new Error("bus error");
  };
  const placement = new Placement([liar, crashing, softwareMatchAction()]);
  t.is(placement.place("routes", work).device?.identity.name, "software-match-action");
  t.deepEqual(rowOf(placement, "routes").refused, [
    { device: "crashing", code: "gone", reason: "bus error" },
    { device: "liar", code: "gone", reason: "no answer from the card" },
  ]);
});

test("placeByName() skips an unknown capability or version with a notice", (t) => {
  const notices: string[] = [];
  const placement = new Placement([softwareChecksum()], { notice: (text) => notices.push(text) });
  t.is(placement.placeByName("odd", { capability: "teleport", spec: {} }), undefined);
  t.is(placement.placeByName("newer", { capability: "checksum", version: 9, spec: {} }), undefined);
  t.is(placement.placeByName("newer", { capability: "checksum", version: 9, spec: {} }), undefined);
  const sums = placement.placeByName("sums", { capability: "checksum", spec: { algorithm: "crc32" } });
  t.is(sums?.device?.identity.name, "software-checksum");
  const said = [
    "odd asks for teleport version 1, which is not known here: skipped",
    "newer asks for checksum version 9, which is not known here: skipped",
  ];
  t.deepEqual(notices, said);
  t.deepEqual(placement.report().notices, said);
});

test("a device with capabilities that nobody knows serves those that are known", (t) => {
  const newer = { ...matchAction, version: 2 } as unknown as AnyCapability;
  const mixed = new ProviderDevice({ name: "mixed", kind: "hardware", version: "7" }, [
    { ...matchActionProvider(8), capability: newer } as never,
    matchActionProvider(8) as never,
  ]);
  const placement = new Placement([mixed, filterDevice()]);
  t.is(placement.place("routes", work).device, mixed);
  t.deepEqual(placement.report().notices, [
    "device mixed offers match-action version 2, which is not known here: skipped",
    "device wasm offers filter version 1, which is not known here: skipped",
  ]);
  t.like(mixed.counters(), { "match-action.installed": 1, "match-action@2.installed": 0 });
});

test("a capability of another package is placed without a change here, by its value and by its name", (t) => {
  const placement = new Placement([softwareMatchAction(), filterDevice()], { capabilities: [filter] });
  const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const placed = placement.place("audit", { capability: filter, spec: { entries: 2, module } });
  t.deepEqual(placed.operations.pass(1, new Uint8Array(3)), new Uint8Array(3));
  t.is(placement.placeByName("second", { capability: "filter", spec: { entries: 2, module } })?.device?.identity.name, "wasm");
  t.throws(() => placement.place("bad", { capability: filter, spec: { entries: 2, module: new Uint8Array(8) } }), {
    message: /wasm: the module is not WebAssembly/,
  });
  t.deepEqual(placement.report().notices, []);
});

test("work of another package's capability moves with its state: it grows, its device goes, its policy changes", (t) => {
  const [card, cores] = [filterDevice(4, "card"), filterDevice(100, "cores")];
  const placement = new Placement([card, cores], { capabilities: [filter] });
  const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const placed = placement.place("audit", { capability: filter, spec: { entries: 2, module } });
  for (let stream = 0; stream < 4; stream++) placed.operations.pass(stream, new Uint8Array(90));
  t.is(placed.device, card);
  placed.operations.pass(4, new Uint8Array(90));
  t.is(placed.device, cores);
  cores.setGone(true);
  t.is(placed.device, undefined);
  t.throws(() => placement.setPolicy(placed, "best" as Policy), { code: "ERR_HAL_POLICY" });
  placement.setPolicy(placed, "software-only");
  cores.setGone(false);
  for (let stream = 0; stream < 5; stream++) t.is(placed.operations.pass(stream, new Uint8Array(11)), "stop");
});

test("formatReport() is a table with who refused and why, and the notices", (t) => {
  const placement = new Placement([tableDevice("nic", { entries: 2 }), softwareMatchAction(), softwareChecksum()]);
  placement.place("routes", work);
  placement.place("sums", { capability: checksum, spec: { algorithm: "internet" } }, "software-only");
  placement.placeByName("odd", { capability: "teleport", spec: {} });
  t.is(
    formatReport(placement.report(), out),
    `work    capability    policy         device                 cost [ns]  cycles  entries  moves  why                         refused
routes  match-action  auto           software-match-action        200       -        4      0  the only one that takes it  nic: has 2 entries in all, not 4; software-checksum: does not do match-action
sums    checksum      software-only  software-checksum             50       -        1      0  the only one that takes it  nic: is hardware; software-match-action: does not do checksum
notice: odd asks for teleport version 1, which is not known here: skipped
`,
  );
});

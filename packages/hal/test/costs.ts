/**
 * What an operation of the software devices costs here, and what a placement adds.
 *
 *     node packages/hal/test/costs.ts
 *
 * @module
 */
import { systemEnv, table } from "@mitsu/cli";
import {
  asyncMessage,
  type Capability,
  checksum,
  defineCapability,
  hash,
  integer,
  matchAction,
  Placement,
  ProviderDevice,
  softwareAsyncMessage,
  softwareChecksum,
  softwareHash,
  softwareMatchAction,
} from "../src/mod.ts";

const calls = 200_000;
const rounds = 5;
const rows: { what: string; ns: number }[] = [];

/** The best of some rounds. */
function measure(what: string, call: () => void): void {
  for (let at = 0; at < calls; at++) call();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const began = process.hrtime.bigint();
    for (let at = 0; at < calls; at++) call();
    best = Math.min(best, Number(process.hrtime.bigint() - began) / calls);
  }
  rows.push({ what, ns: best });
}

const sums = softwareChecksum();
const packet = new Uint8Array(64).fill(7);
for (const algorithm of ["internet", "crc32"] as const) {
  const { operations } = sums.install({ capability: checksum, spec: { algorithm } });
  measure(`${algorithm} of 64 bytes`, () => operations.sum(packet));
}

const toeplitz = softwareHash().install({ capability: hash, spec: { algorithm: "toeplitz", key: new Uint8Array(40).fill(3) } }).operations;
const tuple = new Uint8Array(12).fill(9);
measure("toeplitz of 12 bytes", () => toeplitz.hash(tuple));

const keys = Array.from({ length: 4096 }, (_, at) => BigInt(Math.imul(at, 2_654_435_761) >>> 0));
for (const match of ["exact", "prefix"] as const) {
  const { operations } = softwareMatchAction().install({ capability: matchAction, spec: { entries: 4096, keyBits: 32, match } });
  for (let at = 0; at < 4000; at++) {
    const prefixBits = match === "exact" ? 32 : 8 + (at % 17);
    const low = BigInt(32 - prefixBits);
    operations.add((keys[at]! >> low) << low, prefixBits, at);
  }
  let at = 0;
  measure(`${match} look-up among 4000 rows`, () => operations.lookup(keys[at++ & 4095]!));
}

for (const payloadBytes of [16, 1024]) {
  const device = softwareAsyncMessage();
  const [sender, receiver] = [1, 2].map(
    (address) => device.install({ capability: asyncMessage, spec: { entries: 16, address, payloadBytes } }).operations,
  );
  const payload = new Uint8Array(payloadBytes).fill(5);
  measure(`message of ${payloadBytes} bytes, sent, received, completed`, () => {
    sender!.send(2, payload);
    receiver!.receive();
    sender!.completed();
  });
}

interface Successor {
  next(value: number): number;
}
const successor: Capability<{ entries: number }, Successor, null> = defineCapability<{ entries: number }, Successor, null>({
  name: "successor",
  version: 1,
  about: "does next to nothing",
  fields: { entries: integer(1, 8) },
  operations: ["next"],
  empty: null,
  count: () => 0,
});
const device = new ProviderDevice({ name: "successor", kind: "software", version: "1" }, [
  {
    capability: successor,
    entries: 8,
    cost: () => ({ ns: 1 }),
    open: () => ({ operations: { next: (value: number) => value + 1 }, export: () => null }),
  },
]);
const work = { capability: successor, spec: { entries: 1 } };
const direct = device.install(work).operations;
const placed = new Placement([device]).place("successor", work).operations;
let value = 0;
measure("next to nothing, by the device", () => {
  value = direct.next(value);
});
measure("next to nothing, by a placement", () => {
  value = placed.next(value);
});

systemEnv.stdout.write(
  table(
    rows,
    [
      { header: "operation", value: ({ what }) => what },
      { header: "best [ns]", value: ({ ns }) => ns.toFixed(1), align: "right" },
    ],
    systemEnv.stdout,
  ),
);

import { readFileSync } from "node:fs";
import { BpfObject, bytes, type Codec, checkLayout, i64, type StructCodec, struct, u8, u16, u16be, u32, u64 } from "@mitsu/ebpf-ts";
import { kernelTest } from "@mitsu/ebpf-ts/kernel-test";
import test from "ava";
import { addressRecord, callerKey, callerRecord } from "../../../nicd/src/host-channel/caller-record.ts";
import { asset } from "../../src/assets.ts";
import * as layout from "../../src/kernel/layout.ts";

const header = readFileSync(new URL("../../bpf/sockhijack.h", import.meta.url), "utf8").replaceAll(/\/\*.*?\*\//gs, "");

const tapBytes = Number(/^#define TAP_BYTES (\d+)$/m.exec(header)?.[1]);

/** Structs that no codec mirrors, since they never leave the kernel. */
const kernelOnly = ["sock_state", "framing", "carried", "connection", "stream", "thread", "received", "grave"];
const tapRecord = struct({ ...layout.tapHead.fields, data: bytes(tapBytes) });
// biome-ignore lint/suspicious/noExplicitAny: codecs of any struct
const codecs: Readonly<Record<string, StructCodec<any>>> = {
  address: layout.address,
  address_key: layout.addressKey,
  address_value: layout.addressValue,
  frontend: layout.frontend,
  backend_key: layout.backendKey,
  replica: layout.replica,
  score: layout.score,
  choices: layout.choices,
  load: layout.load,
  service: layout.service,
  policy_key: layout.policyKey,
  policy_value: layout.policyValue,
  edge: layout.edge,
  traffic: layout.traffic,
  pair: layout.pair,
  plan: layout.plan,
  sock_record: layout.sockRecord,
  event: layout.event,
  tap_record: tapRecord,
  birth_key: layout.birthKey,
  exchange: layout.exchangeRecord,
  span_record: layout.spanRecord,
  header_block: layout.headerBlock,
  service_name: layout.serviceName,
  caller_key: callerKey,
  caller: callerRecord,
  control: layout.control,
};

/** Body of every `struct name { … }` or `enum name { … }` in the header. */
function bodies(kind: "struct" | "enum"): Map<string, string> {
  return new Map([...header.matchAll(new RegExp(`^${kind} (\\w+) \\{(.*?)\\}`, "gms"))].map(([, name, body]) => [name!, body!]));
}

/** Name → value of a C enum, with the prefix that all its names share taken off: `FACT_NO_FILE` → `no_file`. */
function cEnum(name: string, prefix: string): Record<string, number> {
  let next = 0;
  const values: Record<string, number> = {};
  for (const [, constant, value] of (bodies("enum").get(name) ?? "").matchAll(/(\w+)(?:\s*=\s*(\d+))?\s*(?:,|$)/gs)) {
    next = value === undefined ? next : Number(value);
    values[constant!.replace(prefix, "").toLowerCase()] = next++;
  }
  return values;
}

const snake = (name: string): string => name.replaceAll("-", "_").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const snakeKeys = (values: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(values).map(([name, v]) => [snake(name), v]));

test("every struct of sockhijack.h has a codec, or is named as the kernel's own", (t) => {
  t.deepEqual([...bodies("struct").keys()].toSorted(), [...Object.keys(codecs), ...kernelOnly].toSorted());
});

for (const [name, codec] of Object.entries(codecs)) {
  kernelTest(`layout.ts has struct ${name} as the compiler laid it out`, (t) => {
    using object = BpfObject.open(asset("sockhijack.bpf.o"), { name: "layout" });
    t.notThrows(() => checkLayout(codec, object.btf, name));
  });
}

// BTF knows sizes, not signs or byte order: those are read from the header.
const codecOf: Readonly<Record<string, Codec<never>>> = {
  __u8: u8,
  __u16: u16,
  __be16: u16be,
  __u32: u32,
  __u64: u64,
  __s64: i64,
  span_id: layout.spanId,
  address: layout.address,
  birth_key: layout.birthKey,
  exchange: layout.exchangeRecord,
} as never;
for (const [name, body] of bodies("struct")) {
  const codec = codecs[name];
  if (!codec) continue;
  test(`layout.ts reads each field of struct ${name} with the sign and byte order of its C type`, (t) => {
    const fields = [...body.matchAll(/^\s*(?:struct )?(\w+) (\w+(?:, \w+)*)(\[\w+\])?;/gm)];
    const named = fields.flatMap(([, type, names, array]) => names!.split(", ").map((field) => ({ field, type: type!, array })));
    t.deepEqual(
      named.map(({ field }) => field),
      Object.keys(codec.fields),
    );
    for (const { field, type, array } of named) {
      const own = codec === callerRecord && type === "address" ? addressRecord : codecOf[type]; // nicd mirrors what it reads itself
      if (array === undefined) t.is(codec.fields[field], own, `${field} is ${type}`);
      else t.is(codec.fields[field]?.align, 1, `${field} is an array of bytes`);
    }
  });
}

const enums = [
  ["fact", "FACT_", layout.fact],
  ["state_flag", "STATE_", layout.stateFlag],
  ["action_plan", "PLAN_", layout.planAction],
  ["applied", "APPLIED_", layout.applied],
  ["event_kind", "EVENT_", layout.eventKind],
  ["trace", "TRACE_", layout.traceMode],
  ["nic", "NIC_", layout.nicWay],
  ["exchange_flag", "EXCHANGE_", layout.exchangeFlag],
  ["connection_flag", "", layout.connectionFlag],
] as const;
for (const [name, prefix, values] of enums) {
  test(`layout.ts has the constants of enum ${name} that it uses as C has them`, (t) => t.like(cEnum(name, prefix), snakeKeys(values)));
}

test("nicd reads an address as sockhijack writes it", (t) => t.deepEqual(addressRecord.offsets, layout.address.offsets));

test("counterNames are enum counter in order", (t) => {
  const { counters, ...values } = cEnum("counter", "COUNT_");
  t.deepEqual(Object.fromEntries(layout.counterNames.map((name, index) => [name, index])), values);
  t.true(layout.counterNames.length <= counters!, "the array has room for all");
});

test("a tap record's data begins where the codec says", (t) => {
  t.true(tapBytes >= 1024);
  t.is(tapRecord.offsets.data, layout.tapDataOffset);
});

test("planFor() fills what is not given with 0", (t) => {
  t.deepEqual(layout.planFor(layout.planAction.set, { flags: 2 }), {
    peer: 0n,
    peer_sk: 0n,
    action: layout.planAction.set,
    slot: 0,
    peer_service: 0,
    flags: 2,
  });
});

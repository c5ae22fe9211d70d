import { availableParallelism } from "node:os";
import { BpfMap, BpfObject, bytes, struct, TypedMap, u32, u64 } from "../../src/mod.ts";
import { testObject } from "../compile-bpf.ts";
import { kernelTest } from "../kernel-test.ts";

const create = (type: string, maxEntries: number): BpfMap => BpfMap.create({ type, name: "typed", keySize: 4, valueSize: 8, maxEntries });

kernelTest("TypedMap speaks in values", (t) => {
  const key = struct({ address: bytes(4), port: u32 });
  using map = BpfMap.create({ type: "hash", name: "typed", keySize: 8, valueSize: 8, maxEntries: 4 });
  const typed = new TypedMap(map, key, u64);
  const web = { address: Uint8Array.of(10, 0, 0, 1), port: 80 };
  typed.set(web, 5n);
  t.is(typed.get(web), 5n);
  t.is(typed.get({ ...web, port: 81 }), undefined);
  t.deepEqual(typed.entries(), [[web, 5n]]);
  t.true(typed.delete(web));
  t.deepEqual(typed.entries(), []);
});

kernelTest("TypedMap refuses codecs of other sizes than the map's", (t) => {
  using map = create("hash", 4);
  t.throws(() => new TypedMap(map, u64, u64), { instanceOf: RangeError, message: /keys of 4 and values of 8 bytes, its codecs 8 and 8/ });
});

kernelTest("entries() reads more than one batch, completely", (t) => {
  using map = create("hash", 20_000);
  const typed = new TypedMap(map, u32, u64);
  typed.setMany(Array.from({ length: 20_000 }, (_, index) => [index, BigInt(index) * 3n] as const));
  const found = new Map(typed.entries());
  t.is(found.size, 20_000);
  for (const [key, value] of found) if (value !== BigInt(key) * 3n) t.fail(`entry ${key} is ${value}`);
});

kernelTest("entries() of an array and of an LRU hash", (t) => {
  using list = create("array", 5);
  const typed = new TypedMap(list, u32, u64);
  typed.set(4, 44n);
  t.deepEqual(
    typed.entries(),
    [0n, 0n, 0n, 0n, 44n].map((value, key) => [key, value] as [number, bigint]),
  );
  using lru = create("lru_hash", 5);
  t.deepEqual(new TypedMap(lru, u32, u64).set(7, 1n).entries(), [[7, 1n]]);
});

kernelTest("entries() falls back to keys where the kernel has no batches", (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  t.deepEqual(new TypedMap(object.map("sockets"), u64, u64).entries(), []);
});

kernelTest("setMany() stops at a full map with its error, and keeps to its flag", (t) => {
  using map = create("hash", 2);
  const typed = new TypedMap(map, u32, u64);
  t.throws(() => typed.setMany([1, 2, 3].map((key) => [key, 1n] as const)), {
    code: "ERR_BPF_MAP_FULL",
    message: /entry 2 of 3 to map typed/,
  });
  t.throws(() => typed.setMany([[1, 2n]], "noexist"), { code: "ERR_BPF_EXISTS" });
});

kernelTest("per-CPU values are read one by one, summed, and listed", (t) => {
  using map = create("percpu_hash", 4);
  const typed = new TypedMap(map, u32, u64).set(1, 5n);
  const cpus = typed.getPerCpu(1)!;
  t.true(cpus.length >= availableParallelism());
  t.true(cpus.every((value) => value === 5n));
  t.is(typed.sumPerCpu(1), 5n * BigInt(cpus.length));
  t.is(typed.sumPerCpu(2), 0n);
  t.deepEqual(typed.perCpuEntries(), [[1, cpus]]);
});

kernelTest("per-CPU values of an odd size lie 8 bytes apart", (t) => {
  const value = struct({ hits: u32 });
  using map = BpfMap.create({ type: "percpu_array", name: "typed", keySize: 4, valueSize: 4, maxEntries: 2 });
  const typed = new TypedMap(map, u32, value).set(1, { hits: 3 });
  t.is(
    typed.sumPerCpu(1, (each) => each.hits),
    3n * BigInt(typed.getPerCpu(1)!.length),
  );
});

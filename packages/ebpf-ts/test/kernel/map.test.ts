import { BpfMap, BpfObject } from "../../src/mod.ts";
import { testObject } from "../compile-bpf.ts";
import { kernelTest } from "../kernel-test.ts";
import { testPinFolder } from "../sandbox.ts";

const key = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0);
const value = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0, 0, 0, 0, 0);
const hash = (maxEntries: number): BpfMap => BpfMap.create({ type: "hash", name: "numbers", keySize: 4, valueSize: 8, maxEntries });

kernelTest("get() gives what set() wrote, and undefined for a key that is not there", (t) => {
  using map = hash(8);
  map.set(key(1), value(10));
  t.deepEqual(map.get(key(1)), value(10));
  t.is(map.get(key(2)), undefined);
  t.true(map.delete(key(1)));
  t.false(map.delete(key(1)));
  t.is(map.get(key(1)), undefined);
});

kernelTest("set() keeps to its flag", (t) => {
  using map = hash(8);
  t.throws(() => map.set(key(1), value(1), "exist"), { code: "ERR_BPF_MISSING", message: /map numbers/ });
  map.set(key(1), value(1), "noexist");
  t.throws(() => map.set(key(1), value(2), "noexist"), { code: "ERR_BPF_EXISTS", message: /map numbers/ });
  t.deepEqual(map.set(key(1), value(3), "exist").get(key(1)), value(3));
});

kernelTest("set() on a full map names the map and its limit", (t) => {
  using map = hash(2);
  map.set(key(1), value(1)).set(key(2), value(2));
  t.throws(() => map.set(key(3), value(3)), { code: "ERR_BPF_MAP_FULL", message: "cannot write to map numbers: it is full (2 entries)" });
});

kernelTest("keys and values of another size are refused before they reach the kernel", (t) => {
  using map = hash(2);
  t.throws(() => map.get(new Uint8Array(3)), { instanceOf: RangeError, message: /key has 3 bytes, must have 4/ });
  t.throws(() => map.set(key(1), new Uint8Array(4)), { instanceOf: RangeError, message: /value has 4 bytes, must have 8/ });
});

for (const type of ["hash", "lru_hash"]) {
  kernelTest(`takeInto() of a ${type} gives a value once`, (t) => {
    using map = BpfMap.create({ type, name: "numbers", keySize: 4, valueSize: 8, maxEntries: 8 });
    map.set(key(1), value(10)).set(key(2), value(20));
    const into = new Uint8Array(8);
    t.true(map.takeInto(key(1), into));
    t.deepEqual(into, value(10));
    t.false(map.takeInto(key(1), into));
    t.deepEqual(map.get(key(2)), value(20));
    t.throws(() => map.takeInto(key(2), new Uint8Array(4)), { instanceOf: RangeError });
  });
}

kernelTest("takeInto() of a map that cannot do both at once names it", (t) => {
  using map = BpfMap.create({ type: "array", name: "numbers", keySize: 4, valueSize: 8, maxEntries: 2 });
  t.throws(() => map.takeInto(key(1), new Uint8Array(8)), { message: /map numbers/ });
});

kernelTest("keys() lists each key once, also while they are deleted", (t) => {
  using map = hash(200);
  for (let n = 0; n < 200; n++) map.set(key(n), value(n));
  t.deepEqual(new Set([...map.keys()].map((bytes) => bytes[0])).size, 200);
  let deleted = 0;
  for (const each of map.keys()) if (map.delete(each)) deleted++;
  t.is(deleted, 200);
  t.deepEqual([...map.keys()], []);
});

kernelTest("clear() empties a hash and zeroes an array", (t) => {
  using map = hash(8);
  map.set(key(1), value(1)).set(key(2), value(2)).clear();
  t.deepEqual([...map.keys()], []);
  using list = BpfMap.create({ type: "array", name: "list", keySize: 4, valueSize: 8, maxEntries: 3 });
  list.set(key(2), value(9)).clear();
  t.deepEqual(
    [...list.keys()].map((each) => list.get(each)),
    [value(0), value(0), value(0)],
  );
});

kernelTest("pin() lets another descriptor open the same map", (t) => {
  const folder = testPinFolder(t);
  using map = hash(8);
  map.set(key(1), value(1)).pin(`${folder}/numbers`);
  using opened = BpfMap.open(`${folder}/numbers`);
  t.is(opened.id, map.id);
  t.is(opened.name, "numbers");
  t.deepEqual(opened.get(key(1)), value(1));
  t.throws(() => map.pin(`${folder}/numbers`), { code: "ERR_BPF_EXISTS" });
  t.throws(() => BpfMap.open(`${folder}/gone`), { code: "ERR_BPF_MISSING" });
});

kernelTest("mmap() shows and changes an array's values without system calls", (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  const map = object.map("scores");
  const memory = map.mmap({ writable: true });
  map.set(key(3), value(5));
  t.is(memory.view.getBigUint64(3 * 8, true), 5n);
  memory.view.setBigUint64(4 * 8, 6n, true);
  t.deepEqual(map.get(key(4)), value(6));
  memory.close();
  t.is(memory.bytes.length, 0);
  t.throws(() => object.map("table").mmap(), { message: /cannot map the values of map table into memory/ });
});

kernelTest("mmap() of .bss shows what a program counted", (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  using memory = object.map(".bss").mmap();
  const context = new Uint8Array(192);
  new DataView(context.buffer).setUint32(8, 5, true);
  t.is(object.program("emit").testRun(new Uint8Array(64), context).retval, 5);
  t.is(memory.view.getBigUint64(object.btf.variables(".bss")!.runs!.offset, true), 5n);
});

kernelTest("create() passes flags on, and names what the kernel refuses", (t) => {
  const mmapable = 1024;
  using map = BpfMap.create({ type: "array", name: "list", keySize: 4, valueSize: 8, maxEntries: 3, flags: mmapable });
  using memory = map.mmap();
  map.set(key(2), value(9));
  t.is(memory.view.getBigUint64(16, true), 9n);
  const create = () => BpfMap.create({ type: "array", name: "list", keySize: 5, valueSize: 8, maxEntries: 3 });
  t.throws(create, { code: "ERR_BPF_INVALID", message: /cannot create map list of type array/ });
});

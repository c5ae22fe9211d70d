import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { BpfMap, BpfObject, TypedMap, u32, u64, VerifierError } from "../../src/mod.ts";
import { testObject } from "../compile-bpf.ts";
import { kernelTest } from "../kernel-test.ts";
import { testPinFolder } from "../sandbox.ts";

kernelTest("load() gives programs and maps by their names in the source", (t) => {
  using object = BpfObject.open(testObject("everything"), { name: "every" }).load();
  const program = object.program("message");
  t.is(program.name, "message");
  t.is(program.type, "sk_msg");
  t.regex(program.tag, /^[0-9a-f]{16}$/);
  t.true(program.id > 0 && program.fd > 0);
  t.deepEqual([...object.maps.keys()].sort(), [".bss", ".rodata", "counters", "events", "scores", "sockets", "table"]);
  const { type, keySize, valueSize, maxEntries } = object.map("table");
  t.deepEqual({ type, keySize, valueSize, maxEntries }, { type: "hash", keySize: 4, valueSize: 8, maxEntries: 64 });
});

kernelTest("load() throws the verifier's log and the program's name", (t) => {
  using object = BpfObject.open(testObject("refused"), { name: "refused" });
  const error = t.throws(() => object.load(), { instanceOf: VerifierError, code: "ERR_BPF_VERIFIER" })!;
  t.is(error.programName, "reads_null");
  t.regex(error.message, /refuses program reads_null of refused/);
  t.regex(error.message, /invalid mem access 'map_value_or_null'/);
  t.regex(error.verifierLog, /bpf_map_lookup_elem[\s\S]+invalid mem access/);
});

kernelTest("autoload leaves a program out, and the rest loads", (t) => {
  using object = BpfObject.open(testObject("refused"), { autoload: (name) => name !== "reads_null" }).load();
  t.deepEqual([...object.programs.keys()], ["fine"]);
  t.throws(() => object.program("reads_null"), { code: "ERR_BPF_OBJECT", message: /no program reads_null, only fine, reads_null/ });
});

kernelTest("rodata is set by the variable's size, and frozen", (t) => {
  using object = BpfObject.open(testObject("everything"), {
    rodata: { wanted_port: 0x01020304, limit: -1n, label: Buffer.from("abc") },
  }).load();
  using memory = object.map(".rodata").mmap();
  t.deepEqual([...memory.bytes], [4, 3, 2, 1, 0, 0, 0, 0, ...Array(8).fill(255), 97, 98, 99, 0, 0, 0, 0, 0]);
  t.throws(() => object.map(".rodata").mmap({ writable: true }), { code: "ERR_BPF_RIGHTS" });
});

kernelTest("rodata refuses an unknown variable and a value that does not fit, naming both", (t) => {
  const elf = testObject("everything");
  const open = (rodata: Record<string, number | bigint | Uint8Array>) => () => BpfObject.open(elf, { name: "every", rodata });
  t.throws(open({ nope: 1 }), { code: "ERR_BPF_RODATA", message: /every: it has no variable nope, only wanted_port, limit, label/ });
  t.throws(open({ wanted_port: 2 ** 32 }), { code: "ERR_BPF_RODATA", message: /4294967296 does not fit wanted_port \(4 bytes\)/ });
  t.throws(open({ label: new Uint8Array(9) }), { code: "ERR_BPF_RODATA", message: /9 bytes do not fit label/ });
});

kernelTest("maxEntries sizes a map before it is made, and an unknown map is named", (t) => {
  using object = BpfObject.open(testObject("everything"), { maxEntries: { table: 3 } }).load();
  t.is(object.map("table").maxEntries, 3);
  t.throws(() => BpfObject.open(testObject("everything"), { maxEntries: { nope: 3 } }), { code: "ERR_BPF_OBJECT", message: /no map nope/ });
});

kernelTest("reuseMaps shares a pinned map with its entries", (t) => {
  const folder = testPinFolder(t);
  using first = BpfObject.open(testObject("everything")).load();
  new TypedMap(first.map("table"), u32, u64).set(1, 11n);
  first.map("table").pin(`${folder}/table`);
  using second = BpfObject.open(testObject("everything"), { reuseMaps: { table: `${folder}/table` } }).load();
  t.is(second.map("table").id, first.map("table").id);
  t.is(new TypedMap(second.map("table"), u32, u64).get(1), 11n);
});

kernelTest("reuseMaps refuses a pin that does not fit, and names each difference", (t) => {
  const folder = testPinFolder(t);
  using other = BpfMap.create({ type: "array", name: "other", keySize: 4, valueSize: 16, maxEntries: 64 });
  other.pin(`${folder}/table`);
  const open = () => BpfObject.open(testObject("everything"), { reuseMaps: { table: `${folder}/table` } });
  t.throws(open, { code: "ERR_BPF_MAP_MISMATCH", message: /type is array, must be hash; value size is 16, must be 8$/ });
  t.throws(() => BpfObject.open(testObject("everything"), { reuseMaps: { table: `${folder}/gone` } }), { code: "ERR_BPF_MISSING" });
});

kernelTest("open() refuses what is no BPF object", (t) => {
  t.throws(() => BpfObject.open(Buffer.from("this is no ELF file"), { name: "junk" }), {
    code: "ERR_BPF_OBJECT",
    message: /cannot open junk/,
  });
});

kernelTest("load() without rights says which are needed", (t) => {
  const script = fileURLToPath(new URL("../unprivileged.ts", import.meta.url));
  const drop = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--reuid=65534", "--regid=65534", "--clear-groups"];
  testObject("everything");
  const child = spawnSync("setpriv", [...drop, process.execPath, script], { encoding: "utf8" });
  t.is(child.stderr, "");
  t.deepEqual(JSON.parse(child.stdout), { code: "ERR_BPF_RIGHTS", exit: 77, capBpf: false });
});

kernelTest("a missing libbpf.so.1 names the package to install", (t) => {
  const script = `
    for library in /usr/lib/*/libbpf.so.1 /lib/*/libbpf.so.1; do [ -e "$library" ] && mount --bind /dev/null "$(readlink -f "$library")"; done
    exec "$0" "$1"`;
  const unprivileged = fileURLToPath(new URL("../unprivileged.ts", import.meta.url));
  const child = spawnSync("unshare", ["-m", "sh", "-c", script, process.execPath, unprivileged], { encoding: "utf8" });
  t.like(JSON.parse(child.stdout), { code: "ERR_LIBBPF_MISSING", hint: "install it: apt-get install libbpf1" });
});

import { BpfObject, Btf, bytes, checkLayout, struct, u16be, u32, u64 } from "../../src/mod.ts";
import { testObject } from "../compile-bpf.ts";
import { kernelTest } from "../kernel-test.ts";

kernelTest("structLayout() of the kernel's own types takes anonymous unions' members as the struct's", (t) => {
  using btf = Btf.parse();
  const { size, members } = btf.structLayout("sock_common");
  t.true(size > 100);
  t.deepEqual(members.skc_daddr, { offset: 0, size: 4 });
  t.deepEqual(members.skc_family, { offset: 16, size: 2 });
  t.throws(() => btf.structLayout("no_such_struct"), { code: "ERR_BTF_TYPE_MISSING", message: "BTF has no struct no_such_struct" });
});

kernelTest("parse() names a file without BTF", (t) => {
  t.throws(() => Btf.parse("/etc/hostname"), { message: /cannot read BTF from \/etc\/hostname/ });
});

kernelTest("checkLayout() passes a codec that matches the C struct", (t) => {
  using object = BpfObject.open(testObject("everything"));
  t.notThrows(() => checkLayout(struct({ sequence: u64, cpu: u32, port: u16be, address: bytes(6) }), object.btf, "event"));
});

kernelTest("checkLayout() names every field that differs", (t) => {
  using object = BpfObject.open(testObject("everything"));
  const wrong = struct({ cpu: u32, sequence: u64, port: u32, extra: u64 });
  const error = t.throws(() => checkLayout(wrong, object.btf, "event"), { code: "ERR_BTF_LAYOUT" })!;
  t.is(
    error.message,
    "the codec of struct event differs from BTF: size is 24 in C, 32 in TypeScript; cpu is at byte 8 in C, 0 in TypeScript; " +
      "sequence is at byte 0 in C, 8 in TypeScript; port is at byte 12 in C, 16 in TypeScript; port has 2 bytes in C, 4 in TypeScript; " +
      "extra is not in C; address is not in TypeScript",
  );
});

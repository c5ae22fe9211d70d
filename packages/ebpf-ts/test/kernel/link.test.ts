import { statSync } from "node:fs";
import { BpfObject, Link, Program } from "../../src/mod.ts";
import { connectFrom } from "../client.ts";
import { testObject } from "../compile-bpf.ts";
import { kernelTest } from "../kernel-test.ts";
import { listenIn } from "../listener.ts";
import { testCgroup, testPinFolder } from "../sandbox.ts";

kernelTest("attachCgroup() governs the processes of that cgroup until the link is closed", async (t) => {
  const cgroup = testCgroup(t);
  const port = listenIn(t, undefined);
  using object = BpfObject.open(testObject("everything"), { rodata: { wanted_port: port } }).load();
  const link = object.program("connect4").attachCgroup(cgroup);
  t.like(link.info(), {
    type: "cgroup",
    programId: object.program("connect4").id,
    cgroupId: BigInt(statSync(cgroup).ino),
    attachType: "cgroup_inet4_connect",
  });
  t.is(await connectFrom({ cgroup }, port), "EPERM");
  t.is(await connectFrom({}, port), "connected");
  link.close();
  t.is(await connectFrom({ cgroup }, port), "connected");
});

kernelTest("a pinned link survives its process' descriptors, is reopened, updated, and ends with its pin", async (t) => {
  const cgroup = testCgroup(t);
  const folder = testPinFolder(t);
  const port = listenIn(t, undefined);
  const object = BpfObject.open(testObject("everything")).load();
  object.program("connect4").pin(`${folder}/allow`);
  object.program("connect4_deny").attachCgroup(cgroup).pin(`${folder}/link`).close();
  object.close();
  t.is(await connectFrom({ cgroup }, port), "EPERM");
  using allow = Program.open(`${folder}/allow`);
  t.is(allow.name, "connect4");
  const link = Link.open(`${folder}/link`).update(allow);
  t.is(link.info().programId, allow.id);
  t.is(await connectFrom({ cgroup }, port), "connected");
  t.throws(() => allow.attachCgroup(cgroup), { code: "ERR_BPF_ATTACH_TYPE" });
  const second = allow.attachCgroup(cgroup, "cgroup_inet4_connect");
  t.not(second.info().id, link.info().id);
  second.close();
  link.unpin().close();
  t.throws(() => Link.open(`${folder}/link`), { code: "ERR_BPF_MISSING" });
});

kernelTest("detach() ends an attachment that a pin still holds", async (t) => {
  const cgroup = testCgroup(t);
  const port = listenIn(t, undefined);
  using object = BpfObject.open(testObject("everything")).load();
  using link = object
    .program("connect4_deny")
    .attachCgroup(cgroup)
    .pin(`${testPinFolder(t)}/link`);
  link.detach();
  t.is(await connectFrom({ cgroup }, port), "connected");
  t.is(link.info().cgroupId, 0n);
});

kernelTest("attachCgroup() names a cgroup that is not there, and a folder that is none", (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  const program = object.program("connect4");
  t.throws(() => program.attachCgroup("/sys/fs/cgroup/nope"), {
    code: "ERR_CGROUP_MISSING",
    message: /attach connect4 to \/sys\/fs\/cgroup\/nope/,
  });
  t.throws(() => program.attachCgroup("/tmp"), { message: /cannot attach connect4 as cgroup_inet4_connect to \/tmp: EBADF/ });
});

import { BpfObject, inNetns, requireFeatures, TypedMap, u32, u64 } from "../../src/mod.ts";
import { connectFrom } from "../client.ts";
import { testObject } from "../compile-bpf.ts";
import { kernelTest } from "../kernel-test.ts";
import { listenIn } from "../listener.ts";
import { testNetns } from "../sandbox.ts";

const loopback = 1;

kernelTest("attachTcx() sees the packets of a device in another network namespace, until its link is closed", async (t) => {
  requireFeatures(["tcx"]);
  const netns = await testNetns(t);
  const port = listenIn(t, netns);
  using object = BpfObject.open(testObject("everything")).load();
  const packets = (): bigint => new TypedMap(object.map("counters"), u32, u64).sumPerCpu(1);
  const link = inNetns(netns, () => object.program("count_packets").attachTcx(loopback, "ingress"));
  t.like(link.info(), { type: "tcx", ifindex: loopback, attachType: "tcx_ingress", programId: object.program("count_packets").id });
  t.is(await connectFrom({ netns }, port), "connected");
  t.true(packets() >= 3n);
  link.close();
  const before = packets();
  t.is(await connectFrom({ netns }, port), "connected");
  t.is(packets(), before);
});

kernelTest("attachTcx() to a device that is not there is refused", (t) => {
  requireFeatures(["tcx"]);
  using object = BpfObject.open(testObject("everything")).load();
  const attach = () => object.program("count_packets").attachTcx(99_999_999, "egress");
  t.throws(attach, { message: /cannot attach count_packets to interface 99999999 \(egress\): ENODEV/ });
});

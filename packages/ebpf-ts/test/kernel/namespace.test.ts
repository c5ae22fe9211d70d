import { closeSync, readlinkSync } from "node:fs";
import { inNetns, netnsCookie, openNetns } from "../../src/mod.ts";
import { kernelTest } from "../kernel-test.ts";
import { testNetns } from "../sandbox.ts";

const own = (): string => readlinkSync("/proc/thread-self/ns/net");

kernelTest("inNetns() runs inside and comes back, also after an error", async (t) => {
  const netns = await testNetns(t);
  const home = own();
  t.is(inNetns(netns, own), readlinkSync(netns));
  t.not(readlinkSync(netns), home);
  t.throws(
    () =>
      inNetns(netns, () => {
        throw new RangeError("inside");
      }),
    { instanceOf: RangeError, message: "inside" },
  );
  t.is(own(), home);
});

kernelTest("inNetns() refuses an asynchronous function and a namespace that is not there", async (t) => {
  const netns = await testNetns(t);
  const home = own();
  t.throws(() => inNetns(netns, async () => {}), { instanceOf: TypeError, message: /synchronous/ });
  t.is(own(), home);
  t.throws(() => inNetns("/proc/0/ns/net", own), {
    code: "ERR_BPF_MISSING",
    message: /cannot open the network namespace \/proc\/0\/ns\/net/,
  });
  t.throws(() => inNetns("/proc/self/ns/mnt", own), { code: "ERR_BPF_INVALID" });
});

kernelTest("netnsCookie() tells namespaces apart, by path and by descriptor", async (t) => {
  const netns = await testNetns(t);
  const fd = openNetns(netns);
  t.teardown(() => closeSync(fd));
  t.is(netnsCookie(netns), netnsCookie(fd));
  t.is(netnsCookie(), netnsCookie());
  t.not(netnsCookie(netns), netnsCookie());
  const self = openNetns(process.pid);
  t.teardown(() => closeSync(self));
  t.is(netnsCookie(self), netnsCookie());
});

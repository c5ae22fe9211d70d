import test from "ava";
import { ipText } from "../src/kernel/ip.ts";
import { type Nic, Nics, nicEndpoint } from "../src/mesh/nics.ts";

const nic = (pid: number, fields: Partial<Nic> = {}): Nic => ({ pid, port: 15_001, addresses: ["::"], ...fields });
const always = () => true;

test("Nics.current is the one registered last, and when that goes, the one before it", (t) => {
  const nics = new Nics();
  t.is(nics.current, undefined);
  const [first, second] = [nic(1), nic(2)];
  nics.add(first);
  nics.add(second);
  t.is(nics.current, second);
  t.deepEqual(nics.all, [first, second]);
  t.true(nics.remove(second));
  t.is(nics.current, first);
  t.false(nics.remove(second));
  t.true(nics.remove(first));
  t.is(nics.current, undefined);
});

test("Nics.expire() lets one that an earlier daemon knew go after 5 s, or with its process, but none that has come back", (t) => {
  const nics = new Nics();
  nics.hold(nic(1), 1_000);
  t.false(nics.expire(6_000, always));
  t.is(nics.current?.pid, 1);
  t.true(nics.expire(6_001, always));
  t.is(nics.current, undefined);
  nics.hold(nic(1), 1_000);
  t.true(nics.expire(1_000, () => false));
  nics.hold(nic(1), 1_000);
  const again = nic(1);
  nics.add(again);
  t.false(nics.expire(Number.MAX_VALUE, () => false));
  t.true(nics.remove(again));
  t.is(nics.current, undefined, "what was held went when it came back");
});

test("Nics.freeze() keeps who is registered for the next daemon", (t) => {
  const nics = new Nics();
  const one = nic(1);
  nics.add(one);
  nics.freeze();
  t.false(nics.remove(one));
  t.is(nics.current, one);
});

const namespace = { cookie: 7n, fd: -1, addresses: ["10.0.0.1", "10.9.0.1", "fd00::1"], inode: "" };
const reached = (addresses: readonly string[], within: typeof namespace | undefined = namespace) => {
  const { local, ip, addresses: all, netns } = nicEndpoint(nic(1, { addresses }), "nicd", within);
  return { near: ipText(local), far: ipText(ip), all: all.map(ipText), netns };
};

test("nicEndpoint() of a wildcard is loopback from near, and the namespace's first IPv4 address from afar", (t) => {
  const all = ["127.0.0.1", "::1", ...namespace.addresses];
  t.deepEqual(reached(["::"]), { near: "127.0.0.1", far: "10.0.0.1", all, netns: 7n });
  t.deepEqual(
    reached(["0.0.0.0"]).all,
    all.filter((ip) => ip !== "::1"),
  );
});

test("nicEndpoint() of given addresses is those, loopback from near where it is among them", (t) => {
  t.like(reached(["10.9.0.1", "127.0.0.1"]), { near: "127.0.0.1", far: "10.9.0.1" });
  t.like(reached(["10.9.0.1"]), { near: "10.9.0.1", far: "10.9.0.1" });
  t.like(reached(["fd00::1", "::1"]), { near: "::1", far: "fd00::1" });
  t.like(reached(["127.0.0.1"]), { near: "127.0.0.1", far: "127.0.0.1" });
});

test("nicEndpoint() of a process that has ended belongs to no namespace", (t) => {
  t.like(nicEndpoint(nic(1), "", undefined), { netns: 0n, service: "", port: 15_001, target: 15_001 });
});

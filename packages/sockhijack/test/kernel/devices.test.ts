/** The kernel device on real maps, programs and sockets: it passes the suite that every device passes, and does to the maps what it says. @module */
import { rmSync } from "node:fs";
import { inNetns } from "@mitsu/ebpf-ts";
import { kernelTest } from "@mitsu/ebpf-ts/kernel-test";
import { balance, matchAction, Placement, redirect, softwareMatchAction, traceInject } from "@mitsu/hal";
import {
  type AnyConformanceCase,
  balanceCase,
  conformanceChecks,
  matchActionCaseOf,
  redirectCaseOf,
  traceInjectCase,
} from "@mitsu/hal/conformance";
import test from "ava";
import { asset } from "../../src/assets.ts";
import { SlotPool } from "../../src/coupling/slot-pool.ts";
import { KernelDevice, type KernelDeviceOptions } from "../../src/devices/kernel-device.ts";
import { ruleAction, ruleKey, ruleKeyBits } from "../../src/devices/policy-rules.ts";
import { Kernel } from "../../src/kernel/kernel.ts";
import { freshPair, traceMode } from "../../src/kernel/layout.ts";
import { makeNetworks, type Network } from "../../src/selftest/networks.ts";
import { ready, type Sockets, systemSockets } from "../../src/selftest/sockets.ts";
import { End } from "../../src/selftest/stream.ts";

/** Connections that the suite may couple. */
const connections = 7;
const service = 1;

interface Connection {
  readonly client: End;
  readonly server: End;
  readonly cookies: readonly [client: bigint, server: bigint];
}

/** Two kernel sides, as work moves from one to the other, and connections that both know. */
class Fixture {
  readonly kernels: readonly Kernel[];
  readonly connections: readonly Connection[];
  readonly sockets: Sockets = systemSockets();
  readonly #networks = makeNetworks();
  readonly #pins = [0, 1].map((at) => `/sys/fs/bpf/mitsu/test-devices-${process.pid}-${at}`);
  #opened = 0;

  constructor() {
    const object = asset("sockhijack.bpf.o");
    const only = ["redirect", "verdict", "scan", "watch"];
    this.kernels = this.#pins.map((pins) => Kernel.open({ object, pins, promote: true, unread: "whole", only }));
    this.connections = Array.from({ length: connections }, () => this.#connect(this.network));
  }

  get network(): Network {
    return this.#networks.left;
  }

  /** A device over one of the kernel sides, in turn. */
  open(options: Partial<KernelDeviceOptions> = {}): KernelDevice {
    return this.on(this.kernels[this.#opened++ % 2]!, options);
  }

  on(kernel: Kernel, options: Partial<KernelDeviceOptions> = {}): KernelDevice {
    const slots = new SlotPool(kernel.maps.pairs.map.maxEntries);
    const look = () => kernel.scan(this.network.fd);
    return new KernelDevice({ kernel, slots, look, adopt: false, broken: undefined, injects: true, ...options });
  }

  #connect({ fd }: Network): Connection {
    const { sockets } = this;
    const at = { address: "127.0.0.1", port: 20_000 + this.#opened++ };
    const listener = inNetns(fd, () => sockets.open());
    sockets.bind(listener, at);
    sockets.listen(listener);
    const from = inNetns(fd, () => sockets.open());
    sockets.connect(from, at);
    sockets.poll(listener, ready.input, 1_000);
    const [client, server] = [new End(sockets, from, 1, 2), new End(sockets, sockets.accept(listener), 2, 1)];
    sockets.close(listener);
    for (const { inode } of [client, server]) for (const { maps } of this.kernels) maps.adopted.set(BigInt(inode), service);
    const records = this.kernels[0]!.scan(fd);
    const cookie = ({ inode }: End): bigint => records.find((record) => record.inode === BigInt(inode))!.cookie;
    return { client, server, cookies: [cookie(client), cookie(server)] };
  }

  /** What work has put into the maps: nothing when there is none. */
  get leftovers(): Readonly<Record<string, number>> {
    const count = (entries: Iterable<unknown>): number => [...entries].length;
    const sum = (count: (kernel: Kernel) => number): number => this.kernels.reduce((total, kernel) => total + count(kernel), 0);
    return {
      plans: sum(({ maps }) => count(maps.plans.entries())),
      policies: sum(({ maps }) => count(maps.policies.entries())),
      backends: sum(({ maps }) => count(maps.backends.entries())),
      announced: sum(({ maps }) => [...maps.frontends.entries()].filter(([, { backends }]) => backends > 0).length),
      weights: sum(({ maps }) => [...maps.scores.entries()].filter(([, { weight }]) => weight > 0).length),
      traced: sum(({ maps }) => [...maps.services.entries()].filter(([, { trace, sampling }]) => trace + sampling > 0).length),
      enrolled: sum((kernel) => kernel.scan(this.network.fd).filter(({ facts }) => facts & 256).length),
    };
  }

  close(): void {
    for (const { client, server } of this.connections) for (const { fd } of [client, server]) this.sockets.close(fd);
    this.#networks.close();
    for (const kernel of this.kernels) {
      kernel.close();
      kernel.remove();
    }
    for (const pins of this.#pins) rmSync(pins, { recursive: true, force: true });
  }
}

let made: Fixture | undefined;
const fixture = (): Fixture => (made ??= new Fixture());
test.after.always(() => made?.close());

const nothing = { plans: 0, policies: 0, backends: 0, announced: 0, weights: 0, traced: 0, enrolled: 0 };

const cases = [
  redirectCaseOf(() => fixture().connections.map(({ cookies }) => cookies), connections - 3),
  balanceCase,
  traceInjectCase,
  matchActionCaseOf([ruleKeyBits], ["exact"]),
] as unknown as readonly AnyConformanceCase[];

for (const tried of cases)
  for (const { title, check } of conformanceChecks)
    kernelTest(`kernel ${tried.capability.name}: ${title}`, (t) => {
      check(() => fixture().open(), tried);
      t.deepEqual(fixture().leftovers, nothing, "nothing is left in the maps");
    });

kernelTest("redirect: bytes of a coupled connection pass the programs, and TCP again once it is uncoupled", (t) => {
  const { kernels, connections: all } = fixture();
  const device = fixture().on(kernels[0]!);
  const { client, server, cookies } = all[0]!;
  const installed = device.install({ capability: redirect, spec: { entries: 1 } });
  const { operations } = installed;
  const redirected = (): number => device.counters()["redirect.redirected"]!;
  const before = redirected();
  operations.couple(...cookies);
  t.true(operations.carries(cookies[1]));
  t.is(device.used("redirect"), 1);
  client.send(1000);
  server.receive(1000);
  server.send(1000);
  client.receive(1000);
  t.is(redirected() - before, 2);
  t.true(operations.uncouple(cookies[0]));
  t.is(operations.peer(cookies[0]), undefined);
  client.send(1000);
  server.receive(1000);
  t.is(redirected() - before, 2, "by TCP");
  t.throws(() => operations.couple(2n ** 40n, cookies[1]), { code: "ERR_HAL_LIMIT", message: /no socket 1099511627776 / });
  device.uninstall(installed);
  t.deepEqual(fixture().leftovers, nothing);
});

kernelTest("balance, trace-inject and match-action write what the programs read, and leave what is others' in an entry", (t) => {
  const { maps } = fixture().kernels[0]!;
  const device = fixture().on(fixture().kernels[0]!);
  const chosen = device.install({ capability: balance, spec: { entries: 8 } });
  maps.scores.set(9, { weight: 0, score: 77, each: 3, until: 5 });
  chosen.operations.set(2, [
    { id: 7, weight: 100 },
    { id: 9, weight: 300 },
  ]);
  t.is(maps.frontends.get(2)?.backends, 2);
  t.is(maps.backends.get({ frontend: 2, index: 1 }), 9);
  t.deepEqual(maps.scores.get(9), { weight: 300, score: 77, each: 3, until: 5 });
  t.throws(() => chosen.operations.set(4096, [{ id: 1, weight: 1 }]), { code: "ERR_HAL_LIMIT" });
  t.throws(() => chosen.operations.set(1, [{ id: 16_384, weight: 1 }]), { code: "ERR_HAL_LIMIT" });

  maps.services.set(3, { redirect: 1, deny_errno: 1, attached: 1, trace: 0, sampling: 0, nic: 1 });
  const traced = device.install({ capability: traceInject, spec: { entries: 8 } });
  traced.operations.start(3, { propagation: "header", sampling: 0.5 });
  t.deepEqual(maps.services.get(3), { redirect: 1, deny_errno: 1, attached: 1, trace: traceMode.header, sampling: 0x8000_0000, nic: 1 });

  const rules = device.install({ capability: matchAction, spec: { entries: 8, keyBits: ruleKeyBits, match: "exact" } });
  rules.operations.add(ruleKey({ from: 1, to: 2, port: 80 }), ruleKeyBits, ruleAction({ action: 1, rule: 5 }));
  t.deepEqual(maps.policies.get({ from: 1, to: 2, port: 80, pad: 0 }), { action: 1, rule: 5 });
  t.deepEqual(
    ["balance", "trace-inject", "match-action"].map((capability) => device.used(capability)),
    [2, 1, 1],
  );
  for (const one of [chosen, traced, rules]) device.uninstall(one);
  maps.scores.set(9, { weight: 0, score: 0, each: 0, until: 0 });
  maps.services.set(3, { redirect: 0, deny_errno: 0, attached: 0, trace: 0, sampling: 0, nic: 0 });
  t.deepEqual(fixture().leftovers, nothing);
});

kernelTest("leave() keeps what is in the maps, and the next daemon's device begins with it", (t) => {
  const [kernel] = fixture().kernels as [Kernel];
  const work = { capability: matchAction, spec: { entries: 8, keyBits: ruleKeyBits, match: "exact" } } as const;
  const [replicas, services] = [
    { capability: balance, spec: { entries: 8 } },
    { capability: traceInject, spec: { entries: 8 } },
  ] as const;
  const key = ruleKey({ from: 1, to: 2, port: 80 });
  const first = fixture().on(kernel);
  const before = new Placement([first]);
  before.place("rules", work).operations.add(key, ruleKeyBits, 3);
  before.place("replicas", replicas).operations.set(2, [{ id: 7, weight: 50 }]);
  before.place("services", services).operations.start(3, { propagation: "side-band", sampling: 1 });
  first.leave();
  t.deepEqual(
    before
      .report()
      .work.map(({ device, why }) => [device, why])
      .at(0),
    [undefined, "kernel is gone, and nothing else takes it: its state is kept"],
  );
  const second = fixture().on(kernel, { adopt: true });
  const [rules, chosen, traced] = [second.install(work), second.install(replicas), second.install(services)] as const;
  t.is(rules.operations.lookup(key), 3);
  t.deepEqual(chosen.export(), [{ service: 2, replicas: [{ id: 7, weight: 50 }] }]);
  t.deepEqual(traced.export(), [{ service: 3, propagation: "side-band", sampling: 1 }]);
  for (const one of [rules, chosen, traced]) second.uninstall(one);
  t.deepEqual(fixture().leftovers, nothing);
});

kernelTest("what the kernel cannot is refused with the reason, and goes elsewhere where there is an elsewhere", (t) => {
  const device = fixture().open({ broken: "this kernel delivers bytes twice; redirect is off" });
  t.deepEqual(device.validate({ capability: redirect, spec: { entries: 1 } }), {
    ok: false,
    code: "limit",
    reason: "this kernel delivers bytes twice; redirect is off",
  });
  const placement = new Placement([device, softwareMatchAction()]);
  const spec = { entries: 4, keyBits: 32, match: "prefix" } as const;
  placement.place("routes", { capability: matchAction, spec });
  const [row] = placement.report().work;
  t.is(row?.device, "software-match-action");
  t.regex(row?.refused[0]?.reason ?? "", /exact, of 80 bits, not prefix, of 32/);
  const rules = { capability: matchAction, spec: { entries: 4, keyBits: ruleKeyBits, match: "exact" } } as const;
  const installed = device.install(rules);
  t.like(device.validate(rules), { ok: false, reason: "its table of rules is one, and another piece of work has it" });
  device.uninstall(installed);
  t.true(device.validate(rules).ok);
});

kernelTest("the coupler's pairs are the device's: it knows them by their cookies", (t) => {
  const kernel = fixture().kernels[0]!;
  const slots = new SlotPool(kernel.maps.pairs.map.maxEntries);
  const device = fixture().on(kernel, { slots });
  const { operations, export: all } = device.install({ capability: redirect, spec: { entries: 3 } });
  const slot = slots.take([11n, 12n]);
  kernel.maps.pairs.set(slot, { ...freshPair, open: 1 });
  t.is(operations.peer(12n), 11n);
  t.true(operations.carries(11n));
  t.deepEqual(all(), [[11n, 12n]]);
  t.is(device.used("redirect"), 1);
  slots.free(slot);
  kernel.maps.pairs.set(slot, freshPair);
  t.is(operations.peer(12n), undefined);
});

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { startBridge } from "../../src/bridge/bridge.ts";
import { startCore } from "./core-broker.ts";
import { cutter, seeded } from "./cutter.ts";
import { bridgeConfig, client, collect, eventually, freePort, quiet } from "./mosquitto.ts";

const context = (brokerId = "here") => ({ log: quiet, brokerId, readFile: () => new Uint8Array() });
const topic = { pattern: "#", direction: "both", qos: 2, localPrefix: "", remotePrefix: "" } as const;

for (const protocolVersion of [4, 5] as const)
  test.serial(
    `startBridge() hands QoS 2 over exactly once, in order, both ways by version ${protocolVersion}, with links to both brokers cut in the middle of packets [MQTT-4.3.3-10]`,
    async (t) => {
      const [here, there] = [await startCore(t), await startCore(t)];
      const random = seeded(1);
      const far = await cutter(t, there.port, 40, () => 100 + (random() % 4000));
      const near = await cutter(t, here.port, 40, () => 200 + (random() % 6000));
      const bridge = startBridge(
        new Proxy(here.core, {
          get: (core, name) => {
            if (name === "openStream") return () => connect({ host: "127.0.0.1", port: near.port, noDelay: true });
            const value: unknown = Reflect.get(core, name, core);
            return typeof value === "function" ? value.bind(core) : value;
          },
        }),
        bridgeConfig(far.port, { protocolVersion, restartMinMs: 1, restartMaxMs: 5, topics: [topic] }),
        context(),
      );
      t.teardown(() => bridge.stop());
      await eventually(() => bridge.status().state === "up");
      const [one, other] = [await client(t, here.port), await client(t, there.port)];
      const [ours, theirs] = [await collect(one, "there/#"), await collect(other, "here/#")];
      const most = 1000;
      for (let index = 0; index < most; index += 20) {
        const batch = Array.from({ length: 20 }, (_, at) => String(index + at));
        await Promise.all([
          ...batch.map((payload) => one.publishAsync("here/x", payload, { qos: 2 })),
          ...batch.map((payload) => other.publishAsync("there/x", payload, { qos: 2 })),
        ]);
      }
      await Promise.all([ours.until(most), theirs.until(most)]);
      for (const { seen } of [ours, theirs]) {
        const numbers = seen.map(({ payload }) => Number(payload));
        t.deepEqual(
          numbers.filter((number, at) => numbers.indexOf(number) !== at),
          [],
          "none twice",
        );
        t.is(numbers.length, most, "none lost");
        t.true(
          numbers.every((number, at) => at === 0 || number > numbers[at - 1]!),
          "in order",
        );
      }
      t.log(`${far.cuts} and ${near.cuts} cuts`);
      t.true(far.cuts + near.cuts > 20);
    },
  );

test.serial("startBridge() with a bridge at each end brings nothing round, and nothing is lost", async (t) => {
  const [here, there] = [await startCore(t), await startCore(t)];
  const bridges = [
    startBridge(here.core, bridgeConfig(there.port, { topics: [topic], localClientId: "l1", remoteClientId: "r1" }), context("here")),
    startBridge(there.core, bridgeConfig(here.port, { topics: [topic], localClientId: "l2", remoteClientId: "r2" }), context("there")),
  ];
  t.teardown(() => Promise.all(bridges.map((bridge) => bridge.stop())));
  await eventually(() => bridges.every((bridge) => bridge.status().state === "up"));
  const [one, other] = [await client(t, here.port), await client(t, there.port)];
  const [ours, theirs] = [await collect(one, "#"), await collect(other, "#")];
  for (let index = 0; index < 50; index++) {
    await one.publishAsync("x", `here ${index}`, { qos: 1 });
    await other.publishAsync("x", `there ${index}`, { qos: 1 });
  }
  const count = (seen: typeof ours.seen): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const { payload } of seen) counts.set(payload, (counts.get(payload) ?? 0) + 1);
    return counts;
  };
  await eventually(() => count(ours.seen).size === 100 && count(theirs.seen).size === 100);
  // Queues have run empty once all that was sent is acknowledged.
  await eventually(() => [here, there].every(({ core }) => core.status().inflight === 0 && core.status().queued === 0));
  const most = Math.max(...count(ours.seen).values(), ...count(theirs.seen).values());
  t.log(`at most ${most} times`);
  t.true(most <= 3);
  await one.publishAsync("end", "", { qos: 1 });
  await eventually(() => theirs.seen.some((seen) => seen.topic === "end"));
  t.is(Math.max(...count(ours.seen).values(), ...count(theirs.seen).values()), most);
});

test.serial("startBridge() hands QoS 2 over exactly once both ways when its whole process is killed at random points", async (t) => {
  const there = await startCore(t);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "bridge-child-"));
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn(
      process.execPath,
      [join(import.meta.dirname, "bridge-child.ts"), join(folder, "state.db"), String(port), String(there.port)],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    await once(child.stdout!, "data");
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  t.teardown(async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await start();
  // What is published before the bridge has subscribed is not for it.
  await eventually(() => [...there.core.subscriptions()].some(({ clientId }) => clientId === "remote.test"));
  const session = { clean: false, properties: { sessionExpiryInterval: 1000 } };
  const [one, other] = [await client(t, port, { ...session, clientId: "one" }), await client(t, there.port)];
  const [ours, theirs] = [await collect(one, "there/#"), await collect(other, "here/#")];
  const most = 600;
  const random = seeded(7);
  const sending = (async () => {
    for (let index = 0; index < most; index += 20) {
      const batch = Array.from({ length: 20 }, (_, at) => String(index + at));
      await Promise.all([
        ...batch.map((payload) => one.publishAsync("here/x", payload, { qos: 2 })),
        ...batch.map((payload) => other.publishAsync("there/x", payload, { qos: 2 })),
      ]);
    }
  })();
  for (let kills = 0; kills < 4; kills++) {
    const until = Math.min(most - 20, theirs.seen.length + 30 + (random() % 90));
    await eventually(() => theirs.seen.length >= until);
    await kill();
    await start();
  }
  await sending;
  const distinct = (seen: typeof ours.seen): number => new Set(seen.map(({ payload }) => payload)).size;
  await eventually(() => distinct(ours.seen) === most && distinct(theirs.seen) === most);
  t.is(theirs.seen.length, most, "over the bridge, none twice");
  t.is(ours.seen.length, most, "back over it, none twice");
});

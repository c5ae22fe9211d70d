/** Mutated packets against a broker that runs, with healthy clients beside them: no fault, and nothing left over. */
import { connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Timer } from "@mitsu/reactor/timers";
import test from "ava";
import { Mutation } from "./mutation.ts";
import { openRig, type Rig, randomOf, until } from "./rig.ts";

const perPlane = process.env.MITSU_TEST_ALL === "1" ? 1_200_000 : 10_000;
/** Connections at a time. */
const beside = 48;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Sends one stream, whole or in pieces, and waits until the connection is over. */
async function pour(port: number, stream: Buffer, random: (n: number) => number): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {}); // a reset is an answer too
  socket.resume();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const cut = random(3) === 0 ? random(stream.length) : stream.length;
  socket.write(stream.subarray(0, cut));
  if (cut < stream.length) socket.once("connect", () => setImmediate(() => socket.write(stream.subarray(cut))));
  if (random(8) === 0) socket.write(stream.subarray(cut), () => socket.resetAndDestroy());
  else socket.once("connect", () => setImmediate(() => setImmediate(() => socket.end())));
  await closed;
}

/** Timers that are armed, by the broker's own calls. */
function watchTimers({ core }: Rig): () => number {
  const armed = new Set<Timer>();
  const arm = core.timers.arm.bind(core.timers);
  core.timers.arm = (timer, ms) => {
    armed.add(timer);
    arm(timer, ms);
  };
  return () => {
    for (const timer of armed) if (timer.due === undefined) armed.delete(timer);
    return armed.size;
  };
}

/** What the broker holds, after those who are away are forgotten. */
async function held(rig: Rig, timers: () => number): Promise<Record<string, number>> {
  const { core } = rig;
  await until(() => core.doorman.connections === 2, "all fuzzed connections are over");
  for (const session of [...core.sessions.values()]) if (!session.connection) core.sessions.end(session);
  core.turn();
  core.routes.clear();
  core.turn();
  const { connections, sessions, subscriptions, sharedSubscriptions, routes, queued, queuedBytes, inflight } = core.status();
  const interest = [...core.interest()].length;
  return { connections, sessions, subscriptions, sharedSubscriptions, routes, queued, queuedBytes, inflight, interest, timers: timers() };
}

for (const plane of ["epoll", "net"] as const) {
  test.serial(
    `Broker: ${perPlane} mutated packets in live streams end nothing but their own connections, and leave nothing (${plane})`,
    async (t) => {
      t.timeout(1_200_000);
      const random = randomOf(plane === "epoll" ? 3 : 4);
      const rig = await openRig(t, { plane, limits: { retainedMessages: 100, queuedMessages: 20 } });
      const timers = watchTimers(rig);
      const { port } = rig.broker.listeners[0]!;
      const scene = rig.scene();
      const [pub, sub] = [await scene.connect({ keepalive: 60 }), await scene.connect({ keepalive: 60 })];
      await scene.subscribe(sub, scene.topic, 1);
      const mutation = new Mutation(random);
      let rounds = 0;
      const round = async (): Promise<void> => {
        await Promise.all(Array.from({ length: beside }, () => pour(port, mutation.stream(10), random)));
        await scene.publish(pub, scene.topic, `${++rounds}`);
        await scene.take(sub, `${rounds}`);
        await scene.nothing(sub); // its PUBACK has been read
      };
      const before = await held(rig, timers);
      while (mutation.made < perPlane / 3) await round();
      t.deepEqual(await held(rig, timers), before);
      collect();
      const heapBefore = process.memoryUsage().heapUsed;
      while (mutation.made < perPlane) await round();
      t.deepEqual(await held(rig, timers), before);
      collect();
      const grown = process.memoryUsage().heapUsed - heapBefore;
      t.true(grown < 3 * 1024 * 1024, `the heap has grown by ${grown} bytes`);
      const { messagesReceived, refusals } = rig.core.status();
      t.is(refusals.fault, undefined);
      t.true((refusals["bad-packet"] ?? 0) > rounds, "hardly anything was refused");
      t.true(messagesReceived > mutation.made / 3, "most were never read");
      t.log(
        `${mutation.made} mutated, ${messagesReceived} packets read, ${rounds * beside} connections, heap ${Math.round(grown / 1024)} KiB more`,
      );
    },
  );
}

/** Packet ids that many subscribers share, Receive Maximum, queues and redelivery, all against one simple model of a session. */
import { once } from "node:events";
import { connect } from "node:net";
import test from "ava";
import { connectBytes, text } from "../conformance/wire.ts";
import { ModelSubscriber, type SubscriberKind } from "./model-subscriber.ts";
import { openRig, type Rig, randomOf, until } from "./rig.ts";

const all = process.env.MITSU_TEST_ALL === "1";
const steps = all ? 3000 : 120;

/** A 3.1.1 subscriber of `pump` that acknowledges everything: each message to it moves the broker's shared ids on by one. */
async function pump(rig: Rig): Promise<(count: number) => Promise<void>> {
  const socket = connect(rig.broker.listeners[0]!.port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(
    Buffer.concat([connectBytes({ version: 4, payload: [text("pump")] }), Buffer.of(0x82, 9, 0, 1), text("pump"), Buffer.of(1)]),
  );
  let taken = 0;
  let rest = Buffer.alloc(0);
  let head = 4 + 5; // CONNACK and SUBACK
  socket.on("data", (data) => {
    rest = Buffer.concat([rest, data]);
    if (rest.length < head) return;
    rest = rest.subarray(head);
    head = 0;
    const acks: Buffer[] = [];
    for (; rest.length >= 10; rest = rest.subarray(10)) {
      acks.push(Buffer.of(0x40, 2, rest[8]!, rest[9]!));
      taken++;
    }
    if (acks.length > 0) socket.write(Buffer.concat(acks));
  });
  await until(() => rig.core.status().subscriptions > 0, "the pump subscribes");
  let pumped = 0;
  return async (count) => {
    for (pumped += count; taken < pumped; ) {
      for (let left = Math.min(200, pumped - taken); left > 0; left--)
        rig.core.publish({ topic: "pump", payload: Buffer.alloc(0), qos: 1, retain: false });
      const goal = Math.min(pumped, taken + 200);
      await until(() => taken >= goal, "the pump has its messages");
    }
  };
}

for (const plane of ["epoll", "net"] as const) {
  for (const seed of [1, 2]) {
    test(`Each subscriber gets each message exactly once, in order, within its Receive Maximum, by ids that are not in flight; seed ${seed}, ${steps} steps (${plane})`, async (t) => {
      t.timeout(all ? 600_000 : 60_000);
      const random = randomOf(seed);
      const most = 50;
      const rig = await openRig(t, { plane, limits: { inflight: most, queuedMessages: 0 } });
      const scene = rig.scene();
      const base = scene.topic;
      const turnOver = await pump(rig);
      const topics = ["a", "b", "c"].map((level) => `${base}/${level}`);
      const subscribers: { readonly one: ModelSubscriber; readonly ways: "at once" | "late" | "backwards" | "any" | "never" }[] = [];
      for (let at = 0; at < 24; at++) {
        const version = random(3) === 0 ? 4 : 5;
        const qos = ([1, 1, 1, 1, 2, 0] as const)[random(6)]!;
        const kind: SubscriberKind = {
          version,
          durable: random(2) === 0,
          receiveMaximum: random(2) === 0 ? 1 + random(5) : 0,
          most,
          filters:
            random(2) === 0
              ? [{ topic: `${base}/+`, qos }]
              : topics.filter(() => random(2) === 0).map((topic) => ({ topic, qos: random(3) === 0 ? 2 : qos })),
        };
        const one = new ModelSubscriber(scene, scene.id(`sub${at}`), kind);
        await one.connect(kind.receiveMaximum);
        subscribers.push({ one, ways: (["at once", "late", "backwards", "any", "never"] as const)[random(5)]! });
      }
      const publishers = [await scene.connect({ protocolVersion: 4 }), await scene.connect()];
      let count = 0;
      for (let step = 0; step < steps; step++) {
        const what = random(20);
        if (what < 9) {
          // In one piece, so that the broker has them in one turn.
          const pub = publishers[random(2)]!;
          const batch = Array.from({ length: 1 + random(12) }, (_, at) => ({
            cmd: "publish" as const,
            topic: topics[random(3)]!,
            payload: `${++count}`,
            qos: random(8) === 0 ? (2 as const) : random(8) === 0 ? (0 as const) : (1 as const),
            messageId: at + 1,
            dup: false,
            retain: false,
          }));
          pub.send(...batch);
          for (const { topic, payload, qos } of batch) for (const { one } of subscribers) one.published(topic, payload, qos);
          for (const { qos, messageId } of batch) if (qos > 0) await pub.pick(qos === 1 ? "puback" : "pubrec", messageId);
          pub.send(...batch.filter(({ qos }) => qos === 2).map(({ messageId }) => ({ cmd: "pubrel" as const, messageId })), {
            cmd: "pingreq",
          });
          await pub.pick("pingresp");
          for (const { qos, messageId } of batch) if (qos === 2) await pub.pick("pubcomp", messageId);
        } else if (what < 17) {
          for (const { one, ways } of subscribers) {
            const { outstanding } = one;
            if (ways === "at once") for (let left = outstanding; left > 0; left--) one.acknowledge(0);
            else if (ways === "backwards") for (let at = outstanding; at > 0; at--) one.acknowledge(at - 1);
            else if (ways === "any") for (let left = random(outstanding + 1); left > 0; left--) one.acknowledge(random(one.outstanding));
            else if (ways === "late" && random(4) === 0) for (let left = outstanding; left > 0; left--) one.acknowledge(0);
          }
        } else if (what < 19) {
          const { one } = subscribers[random(subscribers.length)]!;
          if (one.here && random(3) > 0) await one.vanish();
          else await one.connect(random(2) === 0 ? 1 + random(8) : 0);
          // The broker has seen its end when it has answered another client after it.
          await scene.nothing(publishers[0]!);
        } else if (random(4) === 0) {
          await turnOver(all ? 5000 : 700);
        }
        for (const { one } of subscribers) await one.check(`after step ${step}`);
      }
      for (const { one } of subscribers) {
        if (!one.here) await one.connect(0);
        for (let rounds = 0; one.outstanding > 0; rounds++) {
          for (let left = one.outstanding; left > 0; left--) one.acknowledge(0);
          await one.check(`at the end, round ${rounds}`);
        }
      }
      t.is(rig.core.status().queued, 0);
      t.is(rig.core.status().inflight, 0);
      t.true(subscribers.every(({ one }) => one.taken >= 0));
      t.log(`${count} messages, ${subscribers.reduce((sum, { one }) => sum + one.taken, 0)} deliveries`);
    });
  }
}

test("Packet ids: one that was never acknowledged is not used again while 40 000 other messages pass", async (t) => {
  t.timeout(60_000);
  const rig = await openRig(t, { limits: { inflight: 0, queuedMessages: 0 } });
  const scene = rig.scene();
  const turnOver = await pump(rig);
  const holder = new ModelSubscriber(scene, scene.id(), {
    version: 5,
    durable: true,
    receiveMaximum: 0,
    most: 32_000,
    filters: [{ topic: scene.topic, qos: 1 }],
  });
  await holder.connect(0);
  const pub = await scene.connect();
  for (let round = 0; round < 9; round++) {
    for (let at = 0; at < 5; at++) {
      await scene.publish(pub, scene.topic, `${round}.${at}`);
      holder.published(scene.topic, `${round}.${at}`, 1);
    }
    await holder.check(`in round ${round}`);
    if (round % 2 === 1) holder.acknowledge(holder.outstanding - 2);
    await turnOver(5000);
  }
  await holder.vanish();
  await holder.connect(0);
  while (holder.outstanding > 0) holder.acknowledge(0);
  await holder.check("at the end");
  t.is(rig.core.status().inflight, 0);
});

test("Receive Maximum: what goes out in one turn by several topics with different subscribers counts together. [MQTT-3.3.4-9]", async (t) => {
  const rig = await openRig(t);
  const scene = rig.scene();
  const [a, b] = [`${scene.topic}/a`, `${scene.topic}/b`];
  const narrow = new ModelSubscriber(scene, scene.id(), {
    version: 5,
    durable: false,
    receiveMaximum: 5,
    most: 1024,
    filters: [
      { topic: a, qos: 1 },
      { topic: b, qos: 1 },
    ],
  });
  await narrow.connect(5);
  await scene.subscribe(await scene.connect(), a, 1);
  const pub = await scene.connect();
  const batch = Array.from({ length: 10 }, (_, at) => ({
    cmd: "publish" as const,
    topic: at < 5 ? a : b,
    payload: `${at}`,
    qos: 1 as const,
    messageId: at + 1,
    dup: false,
    retain: false,
  }));
  pub.send(...batch);
  for (const { topic, payload } of batch) narrow.published(topic, payload, 1);
  for (const { messageId } of batch) await pub.pick("puback", messageId);
  await narrow.check("after both");
  for (let left = 5; left > 0; left--) narrow.acknowledge(0);
  await narrow.check("after PUBACK");
  t.is(narrow.outstanding, 5);
});

test("PUBACK of a session's own packet id acknowledges no message of a run, and is not lost", async (t) => {
  const rig = await openRig(t);
  const scene = rig.scene();
  const own = new ModelSubscriber(scene, scene.id(), {
    version: 5,
    durable: false,
    receiveMaximum: 0,
    most: 1024,
    filters: [
      { topic: `${scene.topic}/+`, qos: 1 },
      { topic: `$share/g/${scene.topic}/s/1`, qos: 1 },
    ],
  });
  await own.connect(0);
  const pub = await scene.connect();
  // By a shared subscription: 32 768; then in a run: 1.
  pub.send({ cmd: "publish", topic: `${scene.topic}/s/1`, payload: "single", qos: 1, messageId: 1, dup: false, retain: false });
  await pub.pick("puback", 1);
  await scene.publish(pub, `${scene.topic}/run`, "of a run");
  const session = rig.core.sessions.get(scene.id())!;
  t.is(session.inflight, 2);
  t.is(session.singles?.size, 1);
  t.is(session.runs.length, 1);
  const [single] = [...session.singles!.keys()];
  rig.core.acknowledge(session.connection!, single!);
  t.is(session.singles?.size, 0);
  t.is(session.runs.length, 1);
  t.is(session.inflight, 1);
});

/** What happens within one turn, and what is let go of after it. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import test from "ava";
import { Outbox } from "../../src/broker/outbox.ts";
import { MemoryPlane } from "./memory-plane.ts";
import { openRig, until } from "./rig.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Lets what can be collected be collected. */
async function collected(reference: WeakRef<object>): Promise<boolean> {
  for (let tries = 0; tries < 20 && reference.deref() !== undefined; tries++) {
    await new Promise(setImmediate);
    collect();
  }
  return reference.deref() === undefined;
}

test("Outbox: slabs and buffers of a turn are held until its flush, whatever the plane holds", async (t) => {
  const outbox = new Outbox();
  const plane = new MemoryPlane();
  outbox.addPlane(plane);
  const receiver = { plane, id: 0 };
  const fill = (bytes: number): void => {
    const at = outbox.reserve(bytes);
    outbox.toOne(receiver, at, at + bytes, 1, false);
  };
  fill(900_000);
  const slab = new WeakRef(outbox.slab);
  fill(900_000);
  const own = ((): WeakRef<Buffer> => {
    const bytes = Buffer.allocUnsafeSlow(100_000);
    outbox.toOne(receiver, 0, bytes.length, 0, false, bytes);
    return new WeakRef(bytes);
  })();
  fill(10);
  t.false(await collected(slab));
  t.false(await collected(own));
  outbox.flush();
  t.true(await collected(slab));
  t.true(await collected(own));
});

test("Core.publish() from within watch() routes its message after the one that passes, which stays what it is", async (t) => {
  const rig = await openRig(t);
  for (const version of [4, 5] as const) {
    const scene = rig.scene(version);
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, `${scene.topic}/#`, 2);
    const end = rig.core.watch(`${scene.topic}/in`, ({ buffer, payloadStart, payloadEnd }) => {
      const payload = Buffer.from(buffer.subarray(payloadStart, payloadEnd));
      rig.core.publish({ topic: `${scene.topic}/out`, payload, qos: 1, retain: true });
    });
    for (const qos of [1, 2] as const) {
      await scene.publish(pub, `${scene.topic}/in`, `${qos}`, { qos, messageId: 4711 });
      t.is((await scene.take(sub, `${qos}`)).topic, `${scene.topic}/in`);
      t.is((await scene.take(sub, `${qos}`)).topic, `${scene.topic}/out`);
    }
    await scene.nothing(sub, pub);
    end();
  }
});

test("Retained messages on their way to a client that goes are let go of, and so is its connection", async (t) => {
  const rig = await openRig(t, { limits: { waitingBytes: 100_000 } });
  const scene = rig.scene();
  for (let at = 0; at < 40; at++) rig.core.publish({ topic: `${scene.topic}/${at}`, payload: Buffer.alloc(500_000), qos: 0, retain: true });
  const reader = await scene.connect({ clientId: scene.id() });
  reader.socket.pause();
  reader.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: `${scene.topic}/+`, qos: 0 }] });
  const connection = (): WeakRef<object> => new WeakRef(rig.core.sessions.get(scene.id())!.connection!);
  await until(() => rig.core.sessions.get(scene.id())!.connection!.waitingBytes > 100_000, "it is held up");
  const gone = connection();
  reader.socket.destroy();
  await until(() => rig.core.sessions.get(scene.id()) === undefined, "it is gone");
  rig.core.routes.clear();
  t.true(await collected(gone));
});

test("Core.drain() publishes the wills of those it sends away", async (t) => {
  const rig = await openRig(t);
  const scene = rig.scene();
  const will = { topic: scene.topic, payload: Buffer.from("gone"), qos: 1, retain: true } as const;
  const other = await scene.connect({ will });
  await rig.core.drain(100);
  t.is([...rig.core.retainedMessages(scene.topic)][0]?.payload.toString(), "gone");
  const said = await other.closed();
  t.is(said.at(-1)?.cmd, "disconnect");
});

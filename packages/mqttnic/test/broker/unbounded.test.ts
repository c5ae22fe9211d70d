/** Bounds of 0 are none. */
import test from "ava";
import type { Limits } from "../../src/config/broker-config.ts";
import { defaultLimits } from "../../src/config/defaults.ts";
import { openRig } from "./rig.ts";

const none = Object.fromEntries(
  Object.entries(defaultLimits).map(([name, value]) => [name, typeof value === "number" ? 0 : value]),
) as unknown as Limits;

for (const plane of ["epoll", "net"] as const) {
  test(`Limits of 0 bound nothing: connecting, publishing, queues, retained messages, slow readers (${plane})`, async (t) => {
    const rig = await openRig(t, { plane, limits: none });
    for (const version of [4, 5] as const) {
      const scene = rig.scene(version);
      const idle = await scene.open();
      const [sub, pub] = [await scene.durable(scene.id()), await scene.connect()];
      await scene.subscribe(sub, `${scene.topic}/#`, 2);
      const payload = Buffer.alloc(100_000);
      sub.socket.pause();
      for (let at = 0; at < 120; at++) {
        payload.writeUInt32BE(at);
        await scene.publish(pub, `${scene.topic}/${at}`, payload, { qos: (at % 3) as 0 | 1 | 2, retain: at % 10 === 0 });
      }
      sub.socket.resume();
      const seen = new Set<number>();
      for (let at = 0; at < 120; at++) seen.add(((await scene.take(sub)).payload as Buffer).readUInt32BE());
      t.is(seen.size, 120);
      await sub.vanish();
      for (let at = 0; at < 10; at++) await scene.publish(pub, `${scene.topic}/x`, `${at}`);
      const back = await scene.durable(scene.id());
      for (let at = 0; at < 10; at++) await scene.take(back, `${at}`);
      await scene.subscribe(pub, `${scene.topic}/+`, 1);
      for (let at = 0; at < 12; at++) await scene.take(pub);
      t.false(idle.socket.closed);
    }
    t.deepEqual(rig.core.status().limits, {});
    t.is(rig.core.status().publishDropped, 0);
  });
}

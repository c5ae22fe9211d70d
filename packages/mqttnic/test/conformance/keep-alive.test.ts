/** Keep Alive: enforced at one and a half times, answered by PINGRESP. [MQTT 5.0 §3.1.2.10, §3.12] @module */

import { setTimeout as passes } from "node:timers/promises";
import test from "ava";
import { suite } from "./suite.ts";

const check = suite(test);

check.both(
  "Keep Alive: a client that is silent for one and a half times it is closed, as if the network had failed. v3.1.1 [MQTT-3.1.2-24] v5 [MQTT-3.1.2-22] [MQTT-3.2.2-22]",
  { mosquittoFails: "looks every five seconds only" },
  async (scene) => {
    const other = await scene.connect();
    await scene.subscribe(other, scene.topic, 0);
    const [silent, free] = [
      await scene.connect({ keepalive: 1, will: { topic: scene.topic, payload: "silent", qos: 0, retain: false } }),
      await scene.connect({ keepalive: 0 }),
    ];
    const began = performance.now();
    await scene.refused(silent, 0x8d);
    const waited = performance.now() - began;
    scene.t.true(waited > 1400 && waited < 4000, `${waited} ms`);
    await scene.message(other, "silent");
    await scene.nothing(free); // without Keep Alive it is still there
  },
);

check.both(
  "Keep Alive: any packet keeps the connection; PINGREQ is answered. v3.1.1 [MQTT-3.12.4-1] [MQTT-3.1.2-24] v5 [MQTT-3.12.4-1] [MQTT-3.1.2-22]",
  async (scene) => {
    const [pinging, publishing, acknowledging, pub] = [
      await scene.connect({ keepalive: 1 }),
      await scene.connect({ keepalive: 1 }),
      await scene.connect({ keepalive: 1 }),
      await scene.connect(),
    ];
    await scene.subscribe(acknowledging, scene.topic, 1);
    for (let time = 0; time < 4; time++) {
      await passes(750);
      pinging.send({ cmd: "pingreq" });
      scene.t.deepEqual((await pinging.expect("pingresp")).bytes, Buffer.from([0xd0, 0]));
      publishing.send({ cmd: "publish", topic: `${scene.topic}/else`, payload: "", qos: 0, dup: false, retain: false });
      await scene.publish(pub, scene.topic, `${time}`);
      await scene.take(acknowledging, `${time}`);
    }
    await scene.nothing(pinging, publishing, acknowledging);
  },
);

check.both(
  "Keep Alive: what the broker sends does not count. v3.1.1 [MQTT-3.1.2-24] v5 [MQTT-3.1.2-22]",
  { mosquittoFails: "looks every five seconds only" },
  async (scene) => {
    const [silent, pub] = [await scene.connect({ keepalive: 1 }), await scene.connect()];
    await scene.subscribe(silent, scene.topic, 0);
    const ended = silent.closed();
    let over = false;
    void ended.then(() => {
      over = true;
    });
    for (let time = 0; time < 20 && !over; time++) {
      await scene.publish(pub, scene.topic, "for nothing", { qos: 0 });
      await passes(200);
    }
    scene.t.true(over, "kept alive by its own subscription");
  },
);

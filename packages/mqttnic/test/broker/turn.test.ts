/** What a turn of the loop tells those who wait for its end. */
import test from "ava";
import { openRig, until } from "./rig.ts";

for (const qos of [0, 1] as const) {
  test(`Broker.onTurn() is called at the end of a turn that routed a message of QoS ${qos}, and what it publishes leaves with that turn`, async (t) => {
    const { core, scene: sceneOf } = await openRig(t, { config: { sysIntervalMs: 0 } });
    const scene = sceneOf();
    let turns = 0;
    core.onTurn(() => {
      turns++;
      core.publish({ topic: `${scene.topic}/told`, payload: Buffer.from("the turn ends"), qos: 0, retain: false });
    });
    const [pub, sub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, `${scene.topic}/told`, 0);
    t.is(turns, 0, "nothing was routed so far");
    await scene.publish(pub, `${scene.topic}/load`, "0.5", { qos });
    await scene.take(sub, "the turn ends");
    await until(() => turns > 0, "a turn ended");
    t.is(turns, 1);
  });
}

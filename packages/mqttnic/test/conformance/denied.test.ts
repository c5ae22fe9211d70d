/** What an ACL or a password file denies. [MQTT 5.0 §4.12, §5.4; MQTT 3.1.1 §3.3.5] @module */
import test from "ava";
import { codeOf, suite } from "./suite.ts";

const check = suite(test, {
  conf: ["password_file @users", "acl_file @acl"],
  files: {
    // A hash of the kind mosquitto 1.x wrote, of a password nobody knows.
    users: "known:$6$AAAAAAAAAAAAAAAA$QQN4b3jv+zX5WYyhfR7VRsjGpl4m6ONVzyDeRfxKKdTVVNB+ZbKkUsz/QYo/lgVvLQxlRXTAvEVoZqSPC5bbPA==\n",
    acl: "topic readwrite conformance/#\ntopic read denied/#\n",
  },
});

check.v3("A PUBLISH that is denied is acknowledged or closes, and reaches nobody. v3.1.1 [MQTT-3.3.5-2]", async (scene) => {
  const topic = `denied/${scene.topic}`;
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, topic, 2);
  pub.send({ cmd: "publish", topic, payload: "no", qos: 1, messageId: 1, dup: false, retain: false });
  const answer = await pub.next();
  scene.t.true(answer === undefined || answer.cmd === "puback");
  await scene.nothing(sub);
});

check.v5(
  "A PUBLISH that is denied gets 0x87, and its packet id is free: QoS 2 again is a new message. v5 [MQTT-4.3.3-9] [MQTT-3.4.2-1] [MQTT-3.5.2-1]",
  async (scene) => {
    const denied = `denied/${scene.topic}`;
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, `${scene.topic}/#`, 2);
    await scene.subscribe(sub, denied, 2);
    const plain = { payload: "x", dup: false, retain: false } as const;
    pub.send({ cmd: "publish", topic: denied, qos: 1, messageId: 1, ...plain });
    scene.t.is(codeOf(await pub.expect("puback")), 0x87);
    pub.send({ cmd: "publish", topic: denied, qos: 2, messageId: 2, ...plain });
    scene.t.is(codeOf(await pub.expect("pubrec")), 0x87);
    await scene.nothing(sub);
    await scene.publish(pub, `${scene.topic}/allowed`, "new", { qos: 2, messageId: 2 });
    await scene.take(sub, "new");
  },
);

check.both(
  "A wrong password, and a user nobody knows, are refused and closed. v3.1.1 [MQTT-3.2.2-5] v5 [MQTT-3.1.4-2] [MQTT-3.2.2-7]",
  async (scene) => {
    for (const username of ["known", "unknown"]) {
      const client = await scene.tryConnect({ username, password: Buffer.from("wrong") });
      const right = scene.version === 5 ? [0x86, 0x87] : [4, 5];
      scene.t.true(right.includes(codeOf(client.connack!)), `${codeOf(client.connack!)}`);
      scene.t.deepEqual(await client.closed(), []);
    }
  },
);

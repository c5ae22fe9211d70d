/** AUTH, user names and passwords. [MQTT 5.0 §3.15, §4.12] @module */
import test from "ava";
import { suite } from "./suite.ts";
import { packet, properties, text } from "./wire.ts";

const check = suite(test);

check.v5("AUTH: without a method in CONNECT the broker sends none, and no method in CONNACK. v5 [MQTT-4.12.0-6]", async (scene) => {
  const client = await scene.connect();
  scene.t.is(client.connack?.properties?.authenticationMethod, undefined);
  scene.t.is(client.connack?.properties?.authenticationData, undefined);
  await scene.nothing(client);
});

check.v5(
  "AUTH: a client that said no method may not send it. v5 [MQTT-4.12.0-7] [MQTT-4.13.1-1]",
  { mosquittoFails: "closes without DISCONNECT" },
  async (scene) => {
    for (const auth of [
      packet("auth", 0),
      packet("auth", 0, 0x19, properties(0x15, text("x"))),
      packet("auth", 0, 0x18, properties(0x15, text("x"))),
    ]) {
      const client = await scene.connect();
      client.sendBytes(auth);
      await scene.refused(client, 0x82);
    }
  },
);

check.v5("AUTH: a method the broker has not gets CONNACK 0x8C and the close. v5 [MQTT-4.12.0-1] [MQTT-4.12.0-4]", async (scene) => {
  for (const authenticationMethod of ["no-such-method", "", "GS2-KRB5"]) {
    const client = await scene.tryConnect({ properties: { authenticationMethod, authenticationData: Buffer.from("x") } });
    scene.t.is(client.connack?.reasonCode, 0x8c);
    scene.t.deepEqual(await client.closed(), []);
  }
});

check.v5(
  "AUTH: wrong flags, codes and properties. v5 [MQTT-3.15.1-1] [MQTT-3.15.2-1]",
  { mosquittoFails: "closes without DISCONNECT" },
  async (scene) => {
    for (const auth of [
      packet("auth", 1, 0),
      packet("auth", 0, 0x01, 0),
      packet("auth", 0, 0x19, properties(0x01, 1)),
      packet("auth", 0, 0x19, 9),
    ]) {
      const client = await scene.connect();
      client.sendBytes(auth);
      await scene.refused(client, 0x81, 0x82);
    }
  },
);

/** MQTT over WebSocket. [MQTT 5.0 §6] @module */

import { once } from "node:events";
import test from "ava";
import { WebSocket } from "ws";
import { type Scene, suite } from "./suite.ts";
import { connectBytes, packet, text, u16 } from "./wire.ts";

const check = suite(test, { webSockets: true });

/** A WebSocket that speaks MQTT; what comes is read as one stream. */
async function open(scene: Scene): Promise<{ socket: WebSocket; read: (length: number) => Promise<string> }> {
  const socket = new WebSocket(`ws://${scene.broker.host}:${scene.broker.webSocketPort}/mqtt`, ["mqtt"]);
  scene.t.teardown(() => socket.terminate());
  let received = Buffer.alloc(0);
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    scene.t.true(isBinary, "the broker sent a text frame");
    received = Buffer.concat([received, data]);
  });
  await once(socket, "open");
  const read = async (length: number): Promise<string> => {
    while (received.length < length) await once(socket, "message");
    const taken = received.subarray(0, length).toString("hex");
    received = received.subarray(length);
    return taken;
  };
  return { socket, read };
}

check.both(
  "WebSocket: the subprotocol is mqtt, frames are binary, packets pass. v3.1.1 [MQTT-6.0.0-1] [MQTT-6.0.0-4] v5 [MQTT-6.0.0-1] [MQTT-6.0.0-4]",
  async (scene) => {
    const { socket, read } = await open(scene);
    scene.t.is(socket.protocol, "mqtt");
    socket.send(connectBytes({ version: 4, payload: [text(scene.id())] }));
    scene.t.is(await read(4), "20020000");
    socket.send(packet("subscribe", 2, u16(1), text(scene.topic), 0));
    scene.t.is(await read(5), "9003000100");
    await scene.publish(await scene.connect(), scene.topic, "over TCP");
    scene.t.is(await read(4 + scene.topic.length + 8), packet("publish", 0, text(scene.topic), Buffer.from("over TCP")).toString("hex"));
  },
);

check.v3("WebSocket: packets may begin and end anywhere in frames. v3.1.1 [MQTT-6.0.0-2] v5 [MQTT-6.0.0-2]", async (scene) => {
  const { socket, read } = await open(scene);
  const all = Buffer.concat([
    connectBytes({ version: 4, payload: [text(scene.id())] }),
    packet("subscribe", 2, u16(1), text(scene.topic), 0),
    packet("pingreq", 0),
  ]);
  for (const byte of all) socket.send(Buffer.from([byte]));
  scene.t.is(await read(11), "200200009003000100d000");
  socket.send(Buffer.concat([packet("pingreq", 0), packet("pingreq", 0), packet("pingreq", 0).subarray(0, 1)]));
  socket.send(Buffer.from([0]));
  scene.t.is(await read(6), "d000d000d000");
});

check.v3("WebSocket: a text frame closes the connection. v3.1.1 [MQTT-6.0.0-1] v5 [MQTT-6.0.0-1]", async (scene) => {
  const { socket, read } = await open(scene);
  socket.send(connectBytes({ version: 4, payload: [text(scene.id())] }));
  await read(4);
  const ended = once(socket, "close", { signal: AbortSignal.timeout(5000) });
  socket.send("\u0000\u0000");
  await ended;
  scene.t.pass();
});

/** A program that floods a broker in the name of node b: garbage, replays, long and huge messages; its port is the argument. Says `done` and goes. @module */
import mqtt from "mqtt";
import { topicPrefix } from "../../src/bus/mqtt-bus.ts";

const evil = await mqtt.connectAsync({ host: "127.0.0.1", port: Number(process.argv[2]), protocolVersion: 5, reconnectPeriod: 0 });
evil.on("error", () => {});
const recorded = Promise.withResolvers<Buffer>();
evil.once("message", (_topic, payload) => recorded.resolve(payload));
await evil.subscribeAsync(`${topicPrefix}b`);
const replay = await recorded.promise;
await evil.unsubscribeAsync(`${topicPrefix}b`);
for (let index = 0; index < 1500; index++) evil.publish(`${topicPrefix}b`, index % 2 ? replay : Buffer.alloc(500, index));
for (let index = 0; index < 600; index++) evil.publish(`${topicPrefix}x${index}`, Buffer.alloc(60_000 + index, 0x4d));
await evil.publishAsync(`${topicPrefix}b`, Buffer.alloc(2_000_000, 0x4d)).catch(() => {}); // mqttnic ends the connection at a packet that long
await evil.endAsync();
console.log("done");

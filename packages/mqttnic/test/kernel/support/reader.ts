/** A program that subscribes, and checks that the load arrives in order and once; it says `will` when somebody's will comes. Arguments as the writer's. @module */
import mqtt from "mqtt";
import { loadMessages, payloadOf, qosOf } from "./payload.ts";

const [url, load] = process.argv.slice(2);
const client = await mqtt.connectAsync(url!, { protocolVersion: 5, reconnectPeriod: 0, clientId: "reader" });
let next = 0;
let warm = 0;
client.on("message", (topic, payload, { qos, dup }) => {
  if (topic === "warm") {
    if (warm++ === 0) console.log("warm");
  } else if (topic === "wills") console.log(`will ${payload}`);
  else if (topic === "load/end") {
    console.log(next === loadMessages ? "whole" : `${next} messages`);
  } else {
    const right = topic === `load/${qosOf(next)}` && qos === qosOf(next) && !dup && payload.equals(payloadOf(load!, next));
    if (!right) {
      console.log(`message ${next} is wrong: ${topic} QoS ${qos}, ${payload.length} bytes`);
      process.exit(1);
    }
    next++;
  }
});
client.on("close", () => console.log("closed"));
await client.subscribeAsync({ "load/#": { qos: 1 }, wills: { qos: 1 }, warm: { qos: 0 } });
console.log("subscribed");

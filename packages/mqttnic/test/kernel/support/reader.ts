/** A program that subscribes, and checks that the load arrives in order and once; it says `will` when somebody's will comes. Arguments as the writer's. @module */
import mqtt from "mqtt";
import { loadMessages, payloadOf, qosOf } from "./payload.ts";

const [url, load] = process.argv.slice(2);
const client = await mqtt.connectAsync(url!, { protocolVersion: 5, reconnectPeriod: 0, clientId: "reader" });
/** By QoS: a message of QoS 1 that waits for its turn on the way may be overtaken by one of QoS 0. [MQTT 5.0 §4.6] */
const next: [number, number] = [0, 1];
let warm = 0;
client.on("message", (topic, payload, { qos, dup }) => {
  if (topic === "warm") {
    if (warm++ === 0) console.log("warm");
  } else if (topic === "wills") console.log(`will ${payload}`);
  else if (topic === "load/end") console.log(next[0] === loadMessages && next[1] === loadMessages + 1 ? "whole" : `not whole: ${next}`);
  else {
    const expected = next[qos as 0 | 1];
    const right = topic === `load/${qosOf(expected)}` && qos === qosOf(expected) && !dup && payload.equals(payloadOf(load!, expected));
    if (!right) {
      console.log(`message ${expected} is wrong: ${topic} QoS ${qos}, ${payload.length} bytes`);
      process.exit(1);
    }
    next[qos as 0 | 1] += 2;
  }
});
client.on("close", () => console.log("closed"));
await client.subscribeAsync({ "load/#": { qos: 1 }, wills: { qos: 1 }, warm: { qos: 0 } });
console.log("subscribed");

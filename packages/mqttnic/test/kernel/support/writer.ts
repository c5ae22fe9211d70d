/** A program that publishes: small messages until its stdin says `go`, then the load. Its arguments are the broker's URL and the kind of load. @module */
import { once } from "node:events";
import mqtt from "mqtt";
import { loadMessages, payloadOf, qosOf } from "./payload.ts";

const [url, load] = process.argv.slice(2);
const client = await mqtt.connectAsync(url!, { protocolVersion: 5, reconnectPeriod: 0, clientId: "writer" });
const go = once(process.stdin, "data").then(() => true);
while (!(await Promise.race([go, new Promise<false>((later) => setTimeout(() => later(false), 2))])))
  await client.publishAsync("warm", "up", { qos: 1 });
let outstanding: Promise<unknown>[] = [];
for (let index = 0; index < loadMessages; index++) {
  outstanding.push(client.publishAsync(`load/${qosOf(index)}`, payloadOf(load!, index), { qos: qosOf(index) }));
  if (outstanding.length < 32) continue;
  await Promise.all(outstanding);
  outstanding = [];
}
await Promise.all(outstanding);
await client.publishAsync("load/end", "", { qos: 1 });
console.log("written");
await once(process.stdin, "end");
await client.endAsync();

import test from "ava";
import { startSysTopics } from "../src/sys-topics.ts";
import { emptyStatus, fakeBroker } from "./aggregate/fake-broker.ts";
import { standing } from "./aggregate/standing-clock.ts";

const none = { publishBytesReceived: 0, publishBytesSent: 0, connectionsTotal: 0, sessionsExpired: 0 };

test("startSysTopics() publishes all at once, retained, then those that changed", (t) => {
  const clock = standing();
  let connections = 3;
  const broker = fakeBroker({}, () => ({ ...emptyStatus, sessions: 5, connections, messagesReceived: 7 }));
  const stop = startSysTopics(broker, 10, clock, () => none);
  const said = (): Record<string, string> =>
    Object.fromEntries(broker.published.map(({ topic, payload }) => [topic.slice("$SYS/broker/".length), payload.toString()]));
  t.true(broker.published.every(({ retain, topic }) => retain && topic.startsWith("$SYS/broker/")));
  t.like(said(), {
    version: "mqttnic version 1.2.3",
    uptime: "0 seconds",
    "clients/total": "5",
    "clients/connected": "3",
    "clients/disconnected": "2",
    "messages/received": "7",
    "retained messages/count": "0",
    "load/messages/received/1min": "0.00",
  });
  broker.published.length = 0;
  clock.pass(10);
  t.deepEqual(broker.published, []);
  connections = 4;
  clock.pass(10);
  t.deepEqual(said(), { "clients/connected": "4", "clients/active": "4", "clients/disconnected": "1", "clients/inactive": "1" });
  stop();
  connections = 5;
  clock.pass(50);
  t.is(broker.published.length, 4);
});

test("startSysTopics() tells load as messages per minute, forgotten exponentially", (t) => {
  const clock = standing();
  let messagesReceived = 0;
  const broker = fakeBroker({}, () => ({ ...emptyStatus, messagesReceived }));
  startSysTopics(broker, 6000, clock, () => none);
  const load = (minutes: number): number =>
    Number(broker.published.findLast(({ topic }) => topic === `$SYS/broker/load/messages/received/${minutes}min`)?.payload.toString());
  // 10 a second for 5 minutes is 600 a minute.
  for (let step = 0; step < 50; step++) {
    messagesReceived += 60;
    clock.pass(6000);
  }
  t.is(load(1).toFixed(1), (600 * (1 - Math.exp(-5))).toFixed(1));
  t.is(load(5).toFixed(1), (600 * (1 - Math.exp(-1))).toFixed(1));
  t.is(load(15).toFixed(1), (600 * (1 - Math.exp(-1 / 3))).toFixed(1));
});

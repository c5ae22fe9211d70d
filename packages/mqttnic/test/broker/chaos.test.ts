/** Broker and clients are killed at random points under load; what was acknowledged is not lost, order holds, QoS 2 comes once. */
import test from "ava";
import { BrokerProcess } from "./broker-process.ts";
import { ChaosPublisher, ChaosSubscriber } from "./chaos-client.ts";
import { DeliveryChecker } from "./delivery-checker.ts";
import { randomOf, until } from "./rig.ts";

const rounds = process.env.MITSU_TEST_ALL === "1" ? 200 : 6;

const kinds = [
  { version: 5, qos: 2, receiveMaximum: 0, late: 1 },
  { version: 4, qos: 2, receiveMaximum: 0, late: 7 },
  { version: 5, qos: 2, receiveMaximum: 2, late: 1 },
  // These share packet ids.
  { version: 4, qos: 1, receiveMaximum: 0, late: 1 },
  { version: 4, qos: 1, receiveMaximum: 0, late: 1 },
  { version: 4, qos: 1, receiveMaximum: 0, late: 40 },
  { version: 5, qos: 1, receiveMaximum: 0, late: 1 },
  { version: 5, qos: 1, receiveMaximum: 5, late: 3 },
  { version: 5, qos: 1, receiveMaximum: 1, late: 1 },
] as const;

for (const plane of ["epoll", "net"] as const) {
  test.serial(
    `Broker: no acknowledged message is lost, in order, QoS 2 once, over ${rounds} kills of it and of its clients (${plane})`,
    async (t) => {
      t.timeout(900_000);
      const random = randomOf(plane === "epoll" ? 11 : 12);
      const broker = await BrokerProcess.prepare(t, plane, ["max_queued_messages 0"]);
      await broker.start();
      const checker = new DeliveryChecker();
      const publishers = [4, 5, 5].map(
        (version, at) => new ChaosPublisher(`pub${at}`, version as 4 | 5, broker.port, checker, [1, 8, 30][at]!, random),
      );
      const subscribers = kinds.map((kind, at) => new ChaosSubscriber({ ...kind, name: `sub${at}` }, broker.port, checker, random));
      const clients = [...subscribers, ...publishers];
      t.teardown(() => {
        for (const client of clients) client.stop();
      });
      for (const one of subscribers) one.start();
      await Promise.all(subscribers.map(({ ready }) => ready));
      for (const one of publishers) one.start();
      await Promise.all(publishers.map(({ ready }) => ready));
      const kills = { SIGKILL: 0, SIGTERM: 0, clients: 0 };
      for (let round = 0; round < rounds; round++) {
        const goal = checker.acknowledged + 1 + random(400);
        await until(() => checker.acknowledged >= goal, "messages are acknowledged");
        const what = random(3);
        if (what !== 0) {
          for (const client of clients) {
            if (random(2) === 0) continue;
            client.abort();
            kills.clients++;
          }
        }
        if (what !== 1) {
          const signal = random(5) === 0 ? "SIGTERM" : "SIGKILL";
          await broker.end(signal);
          kills[signal]++;
          await broker.start();
        }
        if (checker.faults.length > 0) break;
      }
      const goal = checker.acknowledged + 200;
      await until(() => checker.acknowledged >= goal, "it goes on");
      for (const one of publishers) one.end();
      await until(() => publishers.every(({ open }) => open === 0), "all is acknowledged");
      // As long as it takes those that take one at a time, but not without end.
      for (let before = Number.POSITIVE_INFINITY; checker.left > 0 && checker.left < before; ) {
        before = checker.left;
        await until(() => checker.left <= before / 2, "half of it has come").catch(() => {});
      }
      t.deepEqual(checker.faults.slice(0, 10), []);
      t.deepEqual(checker.missing().slice(0, 10), []);
      t.log(`${checker.acknowledged} acknowledged, ${checker.duplicates} duplicates, ${JSON.stringify(kills)}`);
    },
  );
}

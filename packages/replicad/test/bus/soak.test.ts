import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { MqttBus } from "../../src/bus/mqtt-bus.ts";
import { NodeTable } from "../../src/bus/node-table.ts";
import { Publisher } from "../../src/bus/publisher.ts";
import { Ticker } from "../../src/bus/ticker.ts";
import { NodeSignals } from "../../src/signals/node-signals.ts";
import { BrokerProcess } from "./brokers.ts";
import { stateOf } from "./state-fixture.ts";

/** A minute with `./test --all`; in three seconds only a leak of megabytes a second shows. */
const all = process.env.MITSU_TEST_ALL === "1";
const seconds = all ? 60 : 3;
const now = (): number => performance.timeOrigin + performance.now();

test("the bus keeps its memory flat at a thousand states of 100 replicas a second", async (t) => {
  t.timeout((seconds + 60) * 1000);
  const broker = await BrokerProcess.start(t, "mqttnic");
  const state = stateOf("a", 100);
  const own = new NodeTable(state);
  const other = new NodeTable({ bootSeconds: 1, bootRandom: 2 });
  const sender = new MqttBus({ url: broker.url, node: "a", table: own, now });
  const receiver = new MqttBus({ url: broker.url, node: "b", table: other, now });
  t.teardown(() => Promise.all([sender.close(), receiver.close()]));
  const publisher = new Publisher(state, sender);
  using signals = new NodeSignals();
  let step = 0;
  using _ticker = new Ticker({
    publisher,
    now,
    sample(nowMs) {
      signals.sample(state, nowMs);
      state.replicas.inFlight[0] = ++step % 2;
    },
  });
  const residentMb: number[] = [];
  for (let part = 0; part < 10; part++) {
    await delay(seconds * 100);
    residentMb.push(process.memoryUsage().rss / 1e6);
  }
  t.log(
    `${other.taken} of ${publisher.sent} arrived, ${publisher.dropped} dropped; resident ${residentMb.map((mb) => mb.toFixed(0)).join(", ")} MB`,
  );
  t.true(other.taken > seconds * 300);
  t.is(other.refused.size, 0);
  t.true(residentMb.at(-1)! < Math.max(...residentMb.slice(2, 5)) * 1.1 + (all ? 5 : 40));
});

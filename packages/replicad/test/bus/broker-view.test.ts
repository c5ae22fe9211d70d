import test from "ava";
import { brokerView } from "../../src/bus/broker-view.ts";
import { MqttBus } from "../../src/bus/mqtt-bus.ts";
import { NodeTable } from "../../src/bus/node-table.ts";
import { Publisher } from "../../src/bus/publisher.ts";
import { stateOf } from "./state-fixture.ts";

const down = { room: () => "down" as const, send: () => {} };

test("brokerView() shows all counters, refusals of states and of overrides, and no broker as none", (t) => {
  const table = new NodeTable({ bootSeconds: 1, bootRandom: 1 });
  table.receive("b", Buffer.from("garbage"), false, 1000);
  const publisher = new Publisher(stateOf("a", 1), down);
  publisher.tick(1000);
  const view = brokerView({ bus: null, publisher, table, overrides: { refused: new Map([["future", 3]]) } });
  t.deepEqual(view, {
    url: null,
    state: "none",
    connects: 0,
    losses: 0,
    sent: 0,
    dropped: 0,
    unsent: 0,
    received: 0,
    refused: { magic: 1, "override-future": 3 },
    intervalMs: 1,
  });
});

test("brokerView() shows a broker that is not there as down, and no password of its URL", async (t) => {
  const table = new NodeTable({ bootSeconds: 1, bootRandom: 1 });
  // Port 9 of the discard protocol: nobody listens.
  const bus = new MqttBus({ url: "mqtt://me:secret@127.0.0.1:9", node: "a", table, now: () => 1, retryMs: 60_000 });
  t.teardown(() => bus.close());
  const view = brokerView({ bus, publisher: new Publisher(stateOf("a", 1), bus), table, overrides: { refused: new Map() } });
  t.is(view.state, "down");
  t.is(view.url, "mqtt://127.0.0.1:9");
  t.notRegex(bus.degraded()[0]!, /secret/);
});

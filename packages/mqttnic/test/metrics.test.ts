import { createMetrics } from "@mitsu/cli";
import test from "ava";
import { exposeMetrics } from "../src/metrics.ts";
import { emptyStatus } from "./aggregate/fake-broker.ts";

test("exposeMetrics() exposes every number of the status, each with help, totals by label", async (t) => {
  const bridge = { name: "up", kind: "bridge", to: "x:1883", state: "up", messagesIn: 3, messagesOut: 4, lastError: null } as const;
  const status = {
    ...emptyStatus,
    connections: 2,
    bytesSent: 99,
    storeBytes: 4096,
    limits: { queuedMessages: 5 },
    refusals: { "not-authorised": 1 },
    bridges: [bridge],
  };
  const metrics = exposeMetrics(await createMetrics("mqttnic"), () => status);
  await metrics.text();
  const text = await metrics.text();
  for (const line of [
    "mitsu_mqttnic_connections 2",
    "mitsu_mqttnic_sent_bytes_total 99",
    "mitsu_mqttnic_store_bytes 4096",
    'mitsu_mqttnic_limit_reached_total{limit="queuedMessages"} 5',
    'mitsu_mqttnic_refused_total{reason="not-authorised"} 1',
    'mitsu_mqttnic_data_plane_info{plane="net"} 1',
    'mitsu_mqttnic_bridge_up{name="up",kind="bridge"} 1',
    'mitsu_mqttnic_bridge_messages_total{name="up",kind="bridge",direction="in"} 3',
  ])
    t.true(text.split("\n").includes(line), line);
  const numbers = Object.values(emptyStatus).filter((value) => typeof value === "number").length;
  const families = text.split("\n").filter((line) => line.startsWith("# HELP "));
  // pid and startedAtMs are no metrics; the store's bytes, limits, refusals, data plane and two of bridges come to them.
  t.is(families.length, numbers - 2 + 6);
});

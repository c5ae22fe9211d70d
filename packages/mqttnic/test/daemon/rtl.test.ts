/** The data plane `rtl` in the real daemon: what status says of it, what a restart brings back, and wrong values. */

import type { MqttnicMatching } from "@mitsu/ipc";
import test from "ava";
import { connect } from "./support/clients.ts";
import { cli, Daemon, execute, folderOf } from "./support/daemon.ts";

const conf = "listener {port} 127.0.0.1\nallow_anonymous true\nsys_interval 0\npersistence true\npersistence_location .\n";

async function matching(daemon: Daemon): Promise<MqttnicMatching | undefined> {
  const { out } = await cli("status", "--json", "--socket", daemon.socket);
  return (JSON.parse(out) as { matching?: MqttnicMatching }).matching;
}

test.serial("daemon --data-plane rtl: status says where filters are, why and at what cost; a restart brings them back", async (t) => {
  const folder = folderOf(t);
  const flags = ["--data-plane", "rtl"];
  const first = await Daemon.start(t, { folder, conf, flags });
  const client = await connect(t, first.port, { clientId: "panel", clean: false, properties: { sessionExpiryInterval: 600 } });
  const deep = "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15";
  await client.subscribeAsync(["a/+", "$share/g/b/#", deep]);
  const seen: string[] = [];
  client.on("message", (topic) => seen.push(topic));
  for (const topic of ["a/x", "b/y", deep, "c", "a/x"]) await client.publishAsync(topic, "1", { qos: 1 });
  while (seen.length < 4) await new Promise((resolve) => client.once("message", resolve));
  t.deepEqual(seen.sort(), ["a/x", "a/x", "b/y", deep].sort());

  const text = await cli("status", "--socket", first.socket);
  t.is(text.status, 0, text.out);
  t.regex(text.out, /data plane rtl over (epoll|net)/);
  t.regex(text.out, /topic matching: 2 of 3 filters on rtl-topic-matcher, beside it in software 1 with more levels than fit; \d+ look-ups/);
  t.regex(text.out, /topic filters +topic-match +rtl-topic-matcher +90 +- +4096 +the cheapest; next mqttnic-tree/);
  t.like(await matching(first), { dataPlane: "rtl", filters: 3, placed: 2, beside: { levels: 1, full: 0 }, retained: "software" });
  const metrics = await cli("metrics", "--socket", first.socket);
  for (const line of [
    'mitsu_mqttnic_topic_filters{where="placed"} 2',
    'mitsu_mqttnic_topic_filters{where="levels"} 1',
    'mitsu_mqttnic_topic_matcher_info{device="rtl-topic-matcher"} 1',
  ])
    t.true(metrics.out.split("\n").includes(line), line);

  first.kill("SIGTERM");
  t.is(await first.exited, 0);
  const again = await Daemon.start(t, { folder, conf, flags });
  t.like(await matching(again), { filters: 3, placed: 2 });
});

test.serial("daemon on another plane has no matching to tell; MITSU_MQTT_PLANE=rtl adds it to net", async (t) => {
  const plain = await Daemon.start(t, { conf, flags: ["--data-plane", "net"], by: ["env", "-u", "MITSU_MQTT_PLANE"] });
  t.is(await matching(plain), undefined);
  plain.kill("SIGTERM");
  await plain.exited;
  const added = await Daemon.start(t, { conf, flags: ["--data-plane", "net"], by: ["env", "MITSU_MQTT_PLANE=rtl"] });
  const { out } = await cli("status", "--socket", added.socket);
  t.regex(out, /data plane rtl over net/);
});

test.serial("a plane that there is not is refused: status 2 for the option, 78 for the environment", async (t) => {
  const socket = `${folderOf(t)}/s`;
  const option = await cli("daemon", "--data-plane", "fpga", "--socket", socket);
  t.is(option.status, 2);
  t.regex(option.err, /fpga[\s\S]*auto, epoll, net, rtl/);
  const daemon = ["MITSU_MQTT_PLANE=fpga", new URL("../../../../bin/mqttnic", import.meta.url).pathname, "daemon", "--socket", socket];
  const environment = await execute("env", daemon);
  t.is(environment.status, 78);
  t.regex(environment.err, /MITSU_MQTT_PLANE=fpga: there is no such plane[\s\S]*hint: it is rtl, or not set/);
});

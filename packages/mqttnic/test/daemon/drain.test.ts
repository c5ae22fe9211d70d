/** SIGTERM: clients are told, what waits goes out, and what is kept is there again. */
import test from "ava";
import { RawClient } from "../conformance/raw-client.ts";
import { at, connect, ending, sub } from "./support/clients.ts";
import { Daemon, folderOf } from "./support/daemon.ts";

const conf = "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location .\n";

test("SIGTERM tells clients of 5.0 DISCONNECT 0x8B [MQTT 5.0 §3.14.2.1] and others nothing; the daemon ends with 0", async (t) => {
  for (const plane of ["epoll", "net"]) {
    const daemon = await Daemon.start(t, { conf, flags: ["--data-plane", plane] });
    const five = await connect(t, daemon.port);
    const four = await RawClient.open("127.0.0.1", daemon.port, 4);
    four.send({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId: "four", clean: true, keepalive: 0 });
    await four.expect("connack");
    const told = ending(five);
    const start = performance.now();
    daemon.kill("SIGTERM");
    t.is(await told, 0x8b);
    t.deepEqual(await four.closed(), []);
    t.is(await daemon.exited, 0);
    t.true(performance.now() - start < 4000, "nobody had to be waited for");
  }
});

test("SIGTERM lets what waits for a slow reader leave before its connection ends", async (t) => {
  for (const plane of ["epoll", "net"]) {
    const limits = "{ waiting-bytes: 64MiB, waiting-bytes-disconnect: 128MiB }";
    const mesh = `mqtt:\n  listeners: [{ address: 127.0.0.1, port: {port} }]\n  limits: ${limits}\n`;
    const daemon = await Daemon.start(t, { mesh, flags: ["--data-plane", plane] });
    const slow = await RawClient.open("127.0.0.1", daemon.port, 5);
    slow.send({ cmd: "connect", protocolId: "MQTT", protocolVersion: 5, clientId: "slow", clean: true, keepalive: 0 });
    await slow.expect("connack");
    slow.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 0 }] });
    await slow.expect("suback");
    slow.socket.pause();
    const from = await connect(t, daemon.port);
    // More than the kernel takes, less than is dropped.
    const messages = 120;
    const payload = Buffer.alloc(100_000, "x");
    for (let index = 0; index < messages; index++) await from.publishAsync("a", payload, { qos: 1 });
    const told = ending(from);
    daemon.kill("SIGTERM");
    await told;
    slow.socket.resume();
    const came = await slow.closed();
    t.deepEqual(new Set(came.map(({ cmd }) => cmd)), new Set(["publish", "disconnect"]));
    t.is(came.filter(({ cmd }) => cmd === "publish").length, messages);
    t.is(came.at(-1)?.cmd, "disconnect");
    t.is(await daemon.exited, 0);
  }
});

test("queued messages, retained ones and subscriptions outlive SIGTERM and kill -9, in order and with QoS", async (t) => {
  const folder = folderOf(t);
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const first = await Daemon.start(t, { folder, conf });
    const away = await connect(t, first.port, { clientId: `away-${signal}`, clean: false, properties: { sessionExpiryInterval: 1000 } });
    await away.subscribeAsync(`q/${signal}/#`, { qos: 2 });
    await away.endAsync();
    const from = await connect(t, first.port);
    const topics = Array.from({ length: 50 }, (_, index) => `q/${signal}/${index}`);
    for (const [index, topic] of topics.entries()) await from.publishAsync(topic, String(index), { qos: ((index % 2) + 1) as 1 | 2 });
    await from.publishAsync(`r/${signal}`, "kept", { qos: 1, retain: true });
    first.kill(signal);
    t.is(await first.exited, signal === "SIGTERM" ? 0 : signal);

    const second = await Daemon.start(t, { folder, conf });
    t.is((await sub(...at(second.port), "-t", `r/${signal}`, "-C", "1")).out, "kept\n");
    const { out } = await sub(
      ...at(second.port),
      "-i",
      `away-${signal}`,
      "-c",
      "-V",
      "5",
      "-x",
      "1000",
      "-q",
      "2",
      "-t",
      `q/${signal}/#`,
      "-C",
      "50",
      "-F",
      "%q %t %p",
    );
    // mosquitto_sub shows a message of QoS 2 at its PUBREL, behind later ones of QoS 1.
    for (const qos of [1, 2]) {
      const expected = topics.flatMap((topic, index) => ((index % 2) + 1 === qos ? [`${qos} ${topic} ${index}`] : []));
      t.deepEqual(
        out.split("\n").filter((line) => line.startsWith(`${qos} `)),
        expected,
      );
    }
    second.kill("SIGTERM");
    t.is(await second.exited, 0);
  }
});

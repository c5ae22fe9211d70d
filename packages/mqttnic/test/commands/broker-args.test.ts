/** Which broker a client command talks to. */
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { type BrokerArgs, brokerTarget } from "../../src/commands/broker-args.ts";

const none: BrokerArgs = {
  host: "localhost",
  port: undefined,
  url: undefined,
  unix: undefined,
  clientId: undefined,
  username: undefined,
  password: undefined,
  protocol: "5",
  keepAlive: 60,
  connectTimeoutMs: 1000,
  cafile: undefined,
  cert: undefined,
  key: undefined,
  insecure: false,
};

for (const [args, expected] of [
  [{}, { protocol: "mqtt", host: "localhost", port: 1883, path: "", name: "mqtt://localhost:1883" }],
  [{ insecure: true }, { protocol: "mqtts", port: 8883 }],
  [{ port: 8883 }, { protocol: "mqtts", port: 8883 }],
  [
    { cafile: "/ca", port: 1 },
    { protocol: "mqtts", port: 1 },
  ],
  [{ unix: "/run/m.sock" }, { unix: "/run/m.sock", name: "/run/m.sock" }],
  [{ url: "mqtt://u%40:p%2F@h:7/a/b" }, { protocol: "mqtt", host: "h", port: 7, username: "u@", password: "p/", topic: "a/b" }],
  [{ url: "mqtts://[fd00::1]" }, { protocol: "mqtts", host: "fd00::1", port: 8883, topic: undefined, name: "mqtts://[fd00::1]:8883" }],
  [{ url: "ws://h/mqtt" }, { protocol: "ws", port: 80, path: "/mqtt", topic: undefined }],
  [{ url: "wss://h" }, { protocol: "wss", port: 443, path: "/" }],
  [
    { url: "tcp://h", username: "n" },
    { protocol: "mqtt", username: "n", password: "of the environment" },
  ],
  [{ url: "ssl://h", insecure: true }, { protocol: "mqtts" }],
] as const) {
  test(`brokerTarget() of ${JSON.stringify(args)}`, (t) => {
    t.like(brokerTarget({ ...none, ...args }, "of the environment"), expected);
  });
}

for (const [args, says] of [
  [{ url: "nowhere" }, /no URL/],
  [{ url: "http://h" }, /not of MQTT/],
  [{ url: "mqtt://h/%zz" }, /% that is no escape/],
  [{ url: "mqtt://h", unix: "/x" }, /both given/],
  [{ url: "mqtt://h", insecure: true }, /mqtt:\/\/ has no TLS/],
  [{ cert: "/c" }, /--cert and --key go together/],
  [{ port: 0 }, /--port 0 is no port/],
  [{ host: "" }, /host is empty/],
  [{ password: "p", protocol: "3.1.1" }, /needs a user name/],
] as const) {
  test(`brokerTarget() refuses ${JSON.stringify(args)}`, (t) => {
    const error = t.throws(() => brokerTarget({ ...none, ...args }), { instanceOf: MitsuError })!;
    t.is(error.code, "ERR_USAGE");
    t.regex(error.message, says);
    t.truthy(error.hint);
  });
}

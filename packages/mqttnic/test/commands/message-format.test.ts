/** mosquitto_sub's output formats. */
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { asJson, messageFormat, type PrintedMessage } from "../../src/commands/message-format.ts";

const message: PrintedMessage = {
  topic: "a/b",
  payload: Buffer.from("hé"),
  packet: {
    qos: 1,
    retain: true,
    messageId: 7,
    properties: {
      contentType: "text/plain",
      responseTopic: "r",
      messageExpiryInterval: 9,
      payloadFormatIndicator: true,
      correlationData: Buffer.from("c"),
      userProperties: { k: ["1", "2"], l: "3" },
      subscriptionIdentifier: 4,
    },
  },
  atMs: Date.parse("2026-01-02T03:04:05.067Z"),
};
const bare: PrintedMessage = { topic: "t", payload: Buffer.from([0xff, 0]), packet: { qos: 0, retain: false }, atMs: 0 };

for (const [format, expected] of [
  ["%t %p", "a/b hé"],
  ["%q%r%l%m", "1137"],
  ["%%|@@|\\\\", "%|@|\\"],
  ["%x %X", "68c3a9 68C3A9"],
  ["%C %R %E %F %D %S", "text/plain r 9 1 c 4"],
  ["%P", "k:1 k:2 l:3"],
  ["[%6t][%-6t][%05l][%.1t]", "[   a/b][a/b   ][00003][a]"],
  ["\\n\\t\\0\\e\\a\\r\\v", "\n\t\0\x1b\x07\r\v"],
  ["%U @s", "1767323045.067000000 1767323045"],
  ["plain ünïcode", "plain ünïcode"],
  ["", ""],
] as const) {
  test(`messageFormat(${JSON.stringify(format)})`, (t) => {
    t.is(messageFormat(format)(message).toString(), expected);
  });
}

test("messageFormat() keeps bytes that are no text as they are, and leaves what is not there empty", (t) => {
  t.deepEqual(messageFormat("%p%C%A")(bare), Buffer.from([0xff, 0]));
  t.is(messageFormat("@Y-@m-@d @H:@M:@S.@N @F @T @z")(message).toString().length, 55);
});

for (const format of ["%", "%y", "%5p", "@", "@q", "\\", "\\x", "%.2"]) {
  test(`messageFormat() refuses ${JSON.stringify(format)}`, (t) => {
    t.throws(() => messageFormat(format), { instanceOf: MitsuError, code: "ERR_USAGE" });
  });
}

test("asJson() is mosquitto_sub's %j, with payloadBase64 for bytes", (t) => {
  const { tst, ...rest } = asJson(message) as { tst: string };
  t.regex(tst, /^2026-01-0\dT\d\d:\d\d:05\.067000[+-]\d{4}$/);
  t.deepEqual(rest, {
    topic: "a/b",
    qos: 1,
    retain: 1,
    payloadlen: 3,
    mid: 7,
    properties: {
      "payload-format-indicator": 1,
      "message-expiry-interval": 9,
      "content-type": "text/plain",
      "response-topic": "r",
      "correlation-data": "c",
      "subscription-identifier": 4,
      "user-properties": [{ k: "1" }, { k: "2" }, { l: "3" }],
    },
    payload: "hé",
  });
  t.is(asJson(bare).payloadBase64, "/wA=");
  t.deepEqual(JSON.parse(messageFormat("%J")({ ...bare, payload: Buffer.from('{"a":[1]}') }).toString()).payload, { a: [1] });
  t.is(JSON.parse(messageFormat("%J")({ ...bare, payload: Buffer.from("{") }).toString()).payload, "{");
});

import test from "ava";
import { packetType } from "../../src/protocol/packet.ts";
import { mayCarry, reasonCode, reasonText } from "../../src/protocol/reason-code.ts";

/** Table 2-6 of MQTT 5.0, by packet; DISCONNECT and AUTH by sender (§3.14.2.1, §3.15.2.1). */
const table: readonly (readonly [type: keyof typeof packetType, client: string, server: string])[] = [
  ["connack", "", "00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f"],
  ["puback", "00 10 80 83 87 90 91 97 99", "00 10 80 83 87 90 91 97 99"],
  ["pubrec", "00 10 80 83 87 90 91 97 99", "00 10 80 83 87 90 91 97 99"],
  ["pubrel", "00 92", "00 92"],
  ["pubcomp", "00 92", "00 92"],
  ["suback", "", "00 01 02 80 83 87 8f 91 97 9e a1 a2"],
  ["unsuback", "", "00 11 80 83 87 8f 91"],
  [
    "disconnect",
    "00 04 80 81 82 83 90 93 94 95 96 97 98 99",
    "00 80 81 82 83 87 89 8b 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2",
  ],
  ["auth", "18 19", "00 18"],
];

for (const [name, client, server] of table) {
  test(`mayCarry() knows the reason codes of ${name.toUpperCase()}, of either sender [MQTT 5.0 §2.4]`, (t) => {
    const carried = (sender: "client" | "server"): string =>
      Array.from({ length: 256 }, (_, code) => code)
        .filter((code) => mayCarry(sender, packetType[name], code))
        .map((code) => code.toString(16).padStart(2, "0"))
        .join(" ");
    t.is(carried("client"), client);
    t.is(carried("server"), server);
  });
}

test("reasonText() has words for every code, each its own", (t) => {
  const codes = Object.values(reasonCode);
  t.is(codes.length, 43);
  t.is(new Set(codes.map(reasonText)).size, codes.length);
  t.is(reasonText(0x95), "packet too large");
  t.is(reasonText(0x01), "granted QoS 1");
  t.is(reasonText(0x9b), "QoS not supported");
  t.is(reasonText(0x7f), "reason code 0x7f");
});

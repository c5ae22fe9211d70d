import test from "ava";
import { bodyStart, packetLength } from "../../src/protocol/framing.ts";
import { PacketError } from "../../src/protocol/packet.ts";

for (const [hex, length, body] of [
  ["c000", 2, 2],
  ["307f", 129, 2],
  ["308001", 131, 3],
  ["30ff7f", 16_386, 3],
  ["30808001", 16_388, 4],
  ["30ffff7f", 2_097_155, 4],
  ["3080808001", 2_097_157, 5],
  ["30ffffff7f", 268_435_460, 5],
  // 3.1.1 does not forbid these.
  ["308000", 3, 3],
  ["3080808000", 5, 5],
] as const) {
  test(`packetLength() of ${hex} is ${length}, known as soon as the last byte of the remaining length is there [MQTT 5.0 §2.1.4]`, (t) => {
    const bytes = Buffer.from(`ffff${hex}ffff`, "hex");
    const end = 2 + hex.length / 2;
    t.is(packetLength(bytes, 2, end), length);
    t.is(bodyStart(bytes, 2), 2 + body);
    for (let early = 2; early < end; early++) t.is(packetLength(bytes, 2, early), 0);
  });
}

test("packetLength() refuses a remaining length of more than four bytes with 0x81 [MQTT 5.0 §1.5.5]", (t) => {
  const bytes = Buffer.from("308080808001", "hex");
  const error = t.throws(() => packetLength(bytes, 0, 6), { instanceOf: PacketError });
  t.is(error.reasonCode, 0x81);
  // Four bytes that all say "go on" are enough to know.
  t.throws(() => packetLength(bytes, 0, 5), { instanceOf: PacketError });
  t.is(packetLength(bytes, 0, 4), 0);
});

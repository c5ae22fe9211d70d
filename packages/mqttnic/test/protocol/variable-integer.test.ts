import test from "ava";
import { PacketError } from "../../src/protocol/packet.ts";
import {
  mostVariableInteger,
  readVariableInteger,
  variableIntegerBytes,
  writeVariableInteger,
} from "../../src/protocol/variable-integer.ts";

for (const [value, hex] of [
  [0, "00"],
  [127, "7f"],
  [128, "8001"],
  [16_383, "ff7f"],
  [16_384, "808001"],
  [2_097_151, "ffff7f"],
  [2_097_152, "80808001"],
  [mostVariableInteger, "ffffff7f"],
] as const) {
  test(`writeVariableInteger() writes ${value} as ${hex}, and readVariableInteger() reads it back (MQTT 5.0 table 1-1)`, (t) => {
    const bytes = Buffer.alloc(8, 0xee);
    t.is(writeVariableInteger(bytes, 2, value), 2 + hex.length / 2);
    t.is(bytes.toString("hex", 2, 2 + hex.length / 2), hex);
    t.is(variableIntegerBytes(value), hex.length / 2);
    t.is(readVariableInteger(bytes, 2, 8), value);
  });
}

for (const [hex, why] of [
  ["", "is empty"],
  ["80", "ends in the middle"],
  ["808080", "ends in the middle"],
  ["8080808001", "has five bytes"],
  ["ffffffff", "has four bytes and goes on"],
  ["8000", "is longer than it need be [MQTT-1.5.5-1]"],
  ["ff808000", "is longer than it need be [MQTT-1.5.5-1]"],
] as const) {
  test(`readVariableInteger() refuses "${hex}", which ${why}`, (t) => {
    const bytes = Buffer.from(`${hex}01`, "hex");
    const error = t.throws(() => readVariableInteger(bytes, 0, hex.length / 2), { instanceOf: PacketError });
    t.is(error.reasonCode, 0x81);
  });
}

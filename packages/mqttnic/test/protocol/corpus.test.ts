import test from "ava";
import { PacketError, packetType } from "../../src/protocol/packet.ts";
import { readCorpus } from "./corpus.ts";
import { readPacket } from "./read-packet.ts";

const names = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

/** As JSON has it, bytes in hexadecimal. */
const plain = (value: unknown): unknown => {
  if (Buffer.isBuffer(value)) return value.toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value;
};

for (const { version, reasonCode, title, bytes, expected } of readCorpus()) {
  const reader = bytes[0]! >> 4 === packetType.publish ? "scanPublish()" : "decodeClientPacket()";
  const outcome = reasonCode === undefined ? "reads" : `refuses with 0x${reasonCode.toString(16)}`;
  test(`${reader} of ${names[version]} ${outcome} ${title}: ${bytes.toString("hex")}`, (t) => {
    // A CONNECT tells its version itself: the connection's is still unknown.
    const given = bytes[0]! >> 4 === packetType.connect ? 4 : version;
    if (reasonCode === undefined)
      return void t.like(plain(readPacket(bytes, 0, bytes.length, given)), { type: bytes[0]! >> 4, ...(expected as object) });
    const error = t.throws(() => readPacket(bytes, 0, bytes.length, given), { instanceOf: PacketError });
    t.is(error.reasonCode, reasonCode, error.message);
  });
}

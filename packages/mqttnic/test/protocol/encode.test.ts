import test from "ava";
import { encodeServerPacket } from "../../src/protocol/encode.ts";
import type { ServerPacket } from "../../src/protocol/packet.ts";
import { packet } from "./corpus.ts";

const words = { reasonString: "because", userProperties: [["k", "v"]] as [string, string][] };
const code = 0x87;

for (const [title, version, given, notation] of [
  ["a CONNACK", 5, { type: 2, sessionPresent: true, reasonCode: 0, properties: {} }, "20 {01 00 {}}"],
  ["a CONNACK [MQTT-3.2.2-1]", 4, { type: 2, sessionPresent: true, reasonCode: 0, properties: {} }, "20 {01 00}"],
  ["a CONNACK, which has no session present", 3, { type: 2, sessionPresent: true, reasonCode: 0, properties: {} }, "20 {00 00}"],
  [
    "no session present in a refusal [MQTT-3.2.2-6]",
    5,
    { type: 2, sessionPresent: true, reasonCode: 0x88, properties: {} },
    "20 {00 88 {}}",
  ],
  ["no session present in a refusal [MQTT-3.2.2-4]", 4, { type: 2, sessionPresent: true, reasonCode: 0x88, properties: {} }, "20 {00 03}"],
  ["return code 1 for 0x84 [MQTT-3.1.2-2]", 4, { type: 2, sessionPresent: false, reasonCode: 0x84, properties: {} }, "20 {00 01}"],
  ["return code 2 for 0x85 [MQTT-3.1.3-8]", 4, { type: 2, sessionPresent: false, reasonCode: 0x85, properties: {} }, "20 {00 02}"],
  ["return code 3 for 0x89", 4, { type: 2, sessionPresent: false, reasonCode: 0x89, properties: {} }, "20 {00 03}"],
  ["return code 4 for 0x86", 3, { type: 2, sessionPresent: false, reasonCode: 0x86, properties: {} }, "20 {00 04}"],
  ["return code 5 for 0x87", 4, { type: 2, sessionPresent: false, reasonCode: 0x87, properties: {} }, "20 {00 05}"],
  ["nothing where no return code fits [MQTT-3.2.2-6]", 4, { type: 2, sessionPresent: false, reasonCode: 0x81, properties: {} }, ""],
  [
    "all properties of a CONNACK, by id",
    5,
    {
      ...{ type: 2, sessionPresent: false, reasonCode: 0 },
      properties: {
        ...{
          sharedSubscriptionAvailable: 1,
          subscriptionIdentifierAvailable: 1,
          wildcardSubscriptionAvailable: 0,
          maximumPacketBytes: 1000,
          ...words,
        },
        ...{ retainAvailable: 1, maximumQos: 1, topicAliasMaximum: 9, receiveMaximum: 8, serverReference: "s", responseInformation: "i" },
        ...{
          authenticationData: Buffer.from("d"),
          authenticationMethod: "M",
          serverKeepAliveS: 7,
          assignedClientIdentifier: "c",
          sessionExpiryIntervalS: 6,
        },
      },
    },
    '20 {00 00 {11 00000006 12 "c" 13 0007 15 "M" 16 "d" 1a "i" 1c "s" 1f "because" 21 0008 22 0009 24 01 25 01 26 "k" "v" 27 000003e8 28 00 29 01 2a 01}}',
  ],
  ["a PUBACK of two bytes for success [MQTT 5.0 §3.4.2.1]", 5, { type: 4, packetId: 0x1234, reasonCode: 0, properties: {} }, "40 {1234}"],
  [
    "a PUBACK with a code and no properties [MQTT 5.0 §3.4.2.2.1]",
    5,
    { type: 4, packetId: 1, reasonCode: 0x10, properties: {} },
    "40 {0001 10}",
  ],
  ["a PUBREC with properties", 5, { type: 5, packetId: 1, reasonCode: code, properties: words }, '50 {0001 87 {1f "because" 26 "k" "v"}}'],
  ["a PUBREC, whose code 3.1.1 does not have", 4, { type: 5, packetId: 1, reasonCode: code, properties: words }, "50 {0001}"],
  ["a PUBREL with its flags [MQTT-3.6.1-1]", 5, { type: 6, packetId: 1, reasonCode: 0, properties: {} }, "62 {0001}"],
  ["a PUBREL with its flags [MQTT-3.6.1-1]", 4, { type: 6, packetId: 1, reasonCode: 0, properties: {} }, "62 {0001}"],
  ["a PUBCOMP that knows no such packet", 5, { type: 7, packetId: 1, reasonCode: 0x92, properties: {} }, "70 {0001 92}"],
  ["a PUBCOMP", 3, { type: 7, packetId: 1, reasonCode: 0, properties: {} }, "70 {0001}"],
  [
    "a SUBACK, its codes in order [MQTT-3.9.3-1]",
    5,
    { type: 9, packetId: 1, reasonCodes: [2, 0x8f, 0], properties: {} },
    "90 {0001 {} 028f00}",
  ],
  [
    "a SUBACK whose failures are 0x80 [MQTT-3.9.3-2]",
    4,
    { type: 9, packetId: 1, reasonCodes: [2, 0x8f, 0], properties: {} },
    "90 {0001 028000}",
  ],
  [
    "an UNSUBACK, its codes in order [MQTT-3.11.3-1]",
    5,
    { type: 11, packetId: 1, reasonCodes: [0, 0x11], properties: words },
    'b0 {0001 {1f "because" 26 "k" "v"} 0011}',
  ],
  ["an UNSUBACK without codes", 4, { type: 11, packetId: 1, reasonCodes: [0, 0x11], properties: {} }, "b0 {0001}"],
  ["a PINGRESP", 5, { type: 13 }, "d0 {}"],
  ["a PINGRESP", 3, { type: 13 }, "d0 {}"],
  ["a DISCONNECT of no bytes", 5, { type: 14, reasonCode: 0, properties: {} }, "e0 {}"],
  ["a DISCONNECT with a code", 5, { type: 14, reasonCode: 0x8e, properties: {} }, "e0 {8e}"],
  [
    "a DISCONNECT with properties",
    5,
    { type: 14, reasonCode: 0x9d, properties: { serverReference: "s", reasonString: "r" } },
    'e0 {9d {1c "s" 1f "r"}}',
  ],
  [
    "an AUTH",
    5,
    { type: 15, reasonCode: 0x18, properties: { authenticationMethod: "M", authenticationData: Buffer.of(0, 255) } },
    'f0 {18 {15 "M" 16 0002 00ff}}',
  ],
] as const) {
  test(`encodeServerPacket() writes ${title} (version ${version})`, (t) => {
    t.is(encodeServerPacket(given as unknown as ServerPacket, version).toString("hex"), packet(notation).toString("hex"));
  });
}

test("encodeServerPacket() throws for packets that servers do not send before 5.0", (t) => {
  for (const type of [14, 15] as const)
    t.throws(() => encodeServerPacket({ type, reasonCode: 0, properties: {} }, 4), { instanceOf: TypeError });
});

for (const [given, clauses, full, unexplained, bare] of [
  [
    { type: 2, sessionPresent: false, reasonCode: code, properties: words },
    "[MQTT-3.2.2-19] [MQTT-3.2.2-20]",
    '20 {00 87 {1f "because" 26 "k" "v"}}',
    '20 {00 87 {26 "k" "v"}}',
    "20 {00 87 {}}",
  ],
  [
    { type: 4, packetId: 1, reasonCode: code, properties: words },
    "[MQTT-3.4.2-2] [MQTT-3.4.2-3]",
    '40 {0001 87 {1f "because" 26 "k" "v"}}',
    '40 {0001 87 {26 "k" "v"}}',
    "40 {0001 87}",
  ],
  [
    { type: 5, packetId: 1, reasonCode: code, properties: words },
    "[MQTT-3.5.2-2] [MQTT-3.5.2-3]",
    '50 {0001 87 {1f "because" 26 "k" "v"}}',
    '50 {0001 87 {26 "k" "v"}}',
    "50 {0001 87}",
  ],
  [
    { type: 6, packetId: 1, reasonCode: 0x92, properties: words },
    "[MQTT-3.6.2-2] [MQTT-3.6.2-3]",
    '62 {0001 92 {1f "because" 26 "k" "v"}}',
    '62 {0001 92 {26 "k" "v"}}',
    "62 {0001 92}",
  ],
  [
    { type: 7, packetId: 1, reasonCode: 0, properties: words },
    "[MQTT-3.7.2-2] [MQTT-3.7.2-3]",
    '70 {0001 00 {1f "because" 26 "k" "v"}}',
    '70 {0001 00 {26 "k" "v"}}',
    "70 {0001}",
  ],
  [
    { type: 9, packetId: 1, reasonCodes: [0], properties: words },
    "[MQTT-3.9.2-1] [MQTT-3.9.2-2]",
    '90 {0001 {1f "because" 26 "k" "v"} 00}',
    '90 {0001 {26 "k" "v"} 00}',
    "90 {0001 {} 00}",
  ],
  [
    { type: 11, packetId: 1, reasonCodes: [0], properties: words },
    "[MQTT-3.11.2-1] [MQTT-3.11.2-2]",
    'b0 {0001 {1f "because" 26 "k" "v"} 00}',
    'b0 {0001 {26 "k" "v"} 00}',
    "b0 {0001 {} 00}",
  ],
  [
    { type: 14, reasonCode: code, properties: words },
    "[MQTT-3.14.2-3] [MQTT-3.14.2-4]",
    'e0 {87 {1f "because" 26 "k" "v"}}',
    'e0 {87 {26 "k" "v"}}',
    "e0 {87}",
  ],
  [
    { type: 15, reasonCode: 0x18, properties: { authenticationMethod: "M", ...words } },
    "[MQTT-3.15.2-2] [MQTT-3.15.2-3]",
    'f0 {18 {15 "M" 1f "because" 26 "k" "v"}}',
    'f0 {18 {15 "M" 26 "k" "v"}}',
    'f0 {18 {15 "M"}}',
  ],
] as const) {
  const write = (mostBytes: number, problemInformation = true): string =>
    encodeServerPacket(given as unknown as ServerPacket, 5, { mostBytes, problemInformation }).toString("hex");
  const [whole, lesser, least] = [full, unexplained, bare].map(packet) as [Buffer, Buffer, Buffer];

  test(`encodeServerPacket() of type ${given.type} leaves out the reason string, then user properties, to stay within the maximum packet size ${clauses}`, (t) => {
    t.is(write(whole.length), whole.toString("hex"));
    t.is(write(whole.length - 1), lesser.toString("hex"));
    t.is(write(lesser.length), lesser.toString("hex"));
    t.is(write(lesser.length - 1), least.toString("hex"));
    t.is(write(least.length), least.toString("hex"));
  });

  test(`encodeServerPacket() of type ${given.type} gives nothing for what is too large in any case [MQTT-3.1.2-24]`, (t) => {
    t.is(write(least.length - 1), "");
  });

  test(`encodeServerPacket() of type ${given.type} heeds request problem information 0 [MQTT-3.1.2-29]`, (t) => {
    t.is(write(1000, false), given.type === 2 || given.type === 14 ? whole.toString("hex") : least.toString("hex"));
  });
}

test("encodeServerPacket() refuses a string that does not fit into 65535 bytes", (t) => {
  t.throws(() => encodeServerPacket({ type: 14, reasonCode: 0x80, properties: { reasonString: "é".repeat(32_768) } }, 5), {
    instanceOf: RangeError,
  });
});

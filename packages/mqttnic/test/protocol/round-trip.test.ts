import test from "ava";
import fc from "fast-check";
import mqttPacket from "mqtt-packet";
import type { Qos } from "../../src/message.ts";
import { encodeServerPacket } from "../../src/protocol/encode.ts";
import { type Properties, type ProtocolVersion, packetType, type ServerPacket } from "../../src/protocol/packet.ts";
import { encodeProperties } from "../../src/protocol/property-encode.ts";
import { forwardedProperties, newPublishFields, publishSize, writePublish } from "../../src/protocol/publish-encode.ts";
import { mayCarry } from "../../src/protocol/reason-code.ts";
import { bytes, foreignProperties, packetId, propertiesOf, someText, text } from "./arbitrary.ts";
import { readPacket } from "./read-packet.ts";

const runs = { seed: 1, numRuns: process.env.MITSU_TEST_ALL === "1" ? 4000 : 400 };
const versions: readonly ProtocolVersion[] = [3, 4, 5];
const qos = fc.constantFrom<Qos>(0, 1, 2);
const topic = someText;
const none = fc.constant<Properties>({});

/** What mqtt-packet writes, read by us. It lies between bytes that are not its own. */
const readForeign = (given: object, version: ProtocolVersion): unknown => {
  const written = mqttPacket.generate(given as mqttPacket.Packet, { protocolVersion: version });
  const around = Buffer.alloc(written.length + 8, 0xff);
  written.copy(around, 4);
  return readPacket(around, 4, 4 + written.length, version);
};

/** What we write, read by mqtt-packet. */
const foreignReads = (written: Buffer, version: ProtocolVersion): Record<string, unknown> => {
  const parser = mqttPacket.parser({ protocolVersion: version });
  const read: mqttPacket.Packet[] = [];
  parser.on("packet", (found) => read.push(found));
  parser.on("error", (error) => {
    throw error;
  });
  if (parser.parse(written) !== 0 || read.length !== 1) throw new Error(`not one packet: ${written.toString("hex")}`);
  return Object.fromEntries(Object.entries(read[0]!).filter(([, value]) => value !== undefined && value !== null));
};

const codesOf = (sender: "client" | "server", type: number): fc.Arbitrary<number> =>
  fc.constantFrom(...Array.from({ length: 256 }, (_, code) => code).filter((code) => mayCarry(sender, type, code)));

for (const version of versions) {
  const five = version === 5;
  const own = (place: number, without: readonly (keyof Properties)[] = []): fc.Arbitrary<Properties> =>
    five ? propertiesOf(place, without) : none;

  test(`decodeClientPacket() reads every CONNECT that mqtt-packet writes (version ${version})`, (t) => {
    const will = fc.record({
      topic: topic.map((name) => name.replaceAll(/[+#]/g, "x")),
      payload: bytes,
      qos,
      retain: fc.boolean(),
      properties: own(0),
    });
    const model = fc.record({
      clean: fc.boolean(),
      keepAliveS: fc.nat(0xffff),
      clientId: someText,
      will: fc.option(will, { nil: undefined }),
      username: fc.option(someText, { nil: undefined }),
      password: fc.option(bytes, { nil: undefined }),
      properties: own(packetType.connect),
      bridge: five ? fc.constant(false) : fc.boolean(),
    });
    fc.assert(
      fc.property(model, (given) => {
        // Before 5.0 a password needs a user name, and mqtt-packet wants one with 5.0 too.
        const password = given.username !== undefined ? given.password : undefined;
        const foreign = {
          ...{
            cmd: "connect",
            protocolVersion: version,
            protocolId: version === 3 ? "MQIsdp" : "MQTT",
            bridgeMode: given.bridge,
            clean: given.clean,
          },
          ...{ keepalive: given.keepAliveS, clientId: given.clientId, username: given.username, password },
          will: given.will && { ...given.will, properties: foreignProperties(given.will.properties) },
          properties: foreignProperties(given.properties),
        };
        const read = readForeign(foreign, version);
        const { will: asked } = given;
        const { willDelayIntervalS, messageExpiryIntervalS, ...forwarded } = asked?.properties ?? {};
        const expectedWill = asked && {
          ...{ topic: asked.topic, payload: asked.payload, qos: asked.qos, retain: asked.retain },
          properties: encodeProperties(forwarded),
          delayS: willDelayIntervalS ?? 0,
          expiryS: messageExpiryIntervalS,
        };
        t.deepEqual(read, { type: packetType.connect, version, ...given, password, will: expectedWill } as unknown);
      }),
      runs,
    );
  });

  test(`scanPublish() reads every PUBLISH that mqtt-packet writes (version ${version})`, (t) => {
    const model = fc.record({
      topic: topic.map((name) => name.replaceAll(/[+#]/g, "x")),
      payload: bytes,
      qos,
      retain: fc.boolean(),
      again: fc.boolean(),
      packetId,
      properties: own(packetType.publish, ["subscriptionIdentifiers"]),
    });
    fc.assert(
      fc.property(model, (given) => {
        const dup = given.again && given.qos > 0;
        const { messageExpiryIntervalS, topicAlias, ...forwarded } = given.properties;
        const foreign = { ...given, cmd: "publish", dup, messageId: given.packetId, properties: foreignProperties(given.properties) };
        const { type: _, ...read } = readForeign(foreign, version) as Record<string, unknown>;
        t.deepEqual(read, {
          ...{
            qos: given.qos,
            retain: given.retain,
            dup,
            packetId: given.qos === 0 ? 0 : given.packetId,
            topic: given.topic,
            payload: given.payload,
            forwarded,
          },
          ...{
            topicAlias: topicAlias ?? 0,
            messageExpiryS: messageExpiryIntervalS ?? -1,
            payloadFormat: forwarded.payloadFormatIndicator ?? 0,
          },
          forwardable: topicAlias === undefined && messageExpiryIntervalS === undefined,
        });
      }),
      runs,
    );
  });

  test(`decodeClientPacket() reads every acknowledgement that mqtt-packet writes (version ${version})`, (t) => {
    const model = fc.constantFrom("puback", "pubrec", "pubrel", "pubcomp").chain((cmd) =>
      fc.record({
        cmd: fc.constant(cmd),
        packetId,
        reasonCode: five ? codesOf("client", packetType[cmd]) : fc.constant(0),
        properties: own(packetType[cmd]),
      }),
    );
    fc.assert(
      fc.property(model, ({ cmd, packetId: messageId, reasonCode, properties }) => {
        const read = readForeign({ cmd, messageId, reasonCode, properties: foreignProperties(properties) }, version);
        t.deepEqual(read, { type: packetType[cmd], packetId: messageId, reasonCode, properties } as unknown);
      }),
      runs,
    );
  });

  test(`decodeClientPacket() reads every SUBSCRIBE and UNSUBSCRIBE that mqtt-packet writes (version ${version})`, (t) => {
    const options = fc.record({
      qos,
      noLocal: five ? fc.boolean() : fc.constant(false),
      retainAsPublished: five ? fc.boolean() : fc.constant(false),
      retainHandling: five ? fc.constantFrom(0, 1, 2) : fc.constant(0),
    });
    const subscriptions = fc.array(fc.record({ filter: someText, options }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(packetId, subscriptions, own(packetType.subscribe), (messageId, asked, properties) => {
        const foreign = asked.map(({ filter, options: { qos: most, noLocal, retainAsPublished, retainHandling } }) => ({
          topic: filter,
          qos: most,
          nl: noLocal,
          rap: retainAsPublished,
          rh: retainHandling,
        }));
        const read = readForeign(
          { cmd: "subscribe", messageId, subscriptions: foreign, properties: foreignProperties(properties) },
          version,
        );
        const identifier = properties.subscriptionIdentifiers?.[0] ?? 0;
        const expected = asked.map(({ filter, options: given }) => ({ filter, options: { ...given, identifier } }));
        t.deepEqual(read, { type: packetType.subscribe, packetId: messageId, subscriptions: expected, properties } as unknown);
      }),
      runs,
    );
    fc.assert(
      fc.property(
        packetId,
        fc.array(someText, { minLength: 1, maxLength: 5 }),
        own(packetType.unsubscribe),
        (messageId, filters, properties) => {
          const read = readForeign(
            { cmd: "unsubscribe", messageId, unsubscriptions: filters, properties: foreignProperties(properties) },
            version,
          );
          t.deepEqual(read, { type: packetType.unsubscribe, packetId: messageId, filters, properties } as unknown);
        },
      ),
      runs,
    );
  });

  test(`decodeClientPacket() reads every PINGREQ, DISCONNECT and AUTH that mqtt-packet writes (version ${version})`, (t) => {
    t.deepEqual(readForeign({ cmd: "pingreq" }, version), { type: 12 } as unknown);
    if (!five) return void t.deepEqual(readForeign({ cmd: "disconnect" }, version), { type: 14, reasonCode: 0, properties: {} } as unknown);
    fc.assert(
      fc.property(codesOf("client", 14), propertiesOf(14), (reasonCode, properties) => {
        const read = readForeign({ cmd: "disconnect", reasonCode, properties: foreignProperties(properties) }, version);
        t.deepEqual(read, { type: 14, reasonCode, properties } as unknown);
      }),
      runs,
    );
    fc.assert(
      fc.property(codesOf("client", 15), propertiesOf(15), someText, (reasonCode, found, authenticationMethod) => {
        const properties = { ...found, authenticationMethod };
        const read = readForeign({ cmd: "auth", reasonCode, properties: foreignProperties(properties) }, version);
        t.deepEqual(read, { type: 15, reasonCode, properties } as unknown);
      }),
      runs,
    );
  });

  test(`mqtt-packet reads every packet that encodeServerPacket() writes (version ${version})`, (t) => {
    const reasonCodes = (type: number): fc.Arbitrary<number[]> => fc.array(codesOf("server", type), { minLength: 1, maxLength: 5 });
    const acknowledgement = fc.constantFrom(4, 5, 6, 7).chain((type) =>
      fc.record({
        type: fc.constant(type),
        packetId,
        reasonCode: five ? codesOf("server", type) : fc.constant(0),
        properties: own(type),
      }),
    );
    const model: fc.Arbitrary<ServerPacket> = fc.oneof(
      fc.record({
        type: fc.constant(2),
        sessionPresent: fc.boolean(),
        reasonCode: five ? codesOf("server", 2) : fc.constantFrom(0, 0x84, 0x85, 0x88, 0x86, 0x87),
        properties: own(2),
      }),
      acknowledgement,
      fc
        .constantFrom(9, 11)
        .chain((type) => fc.record({ type: fc.constant(type), packetId, reasonCodes: reasonCodes(type), properties: own(type) })),
      fc.constant({ type: 13 }),
      ...(five
        ? [14, 15].map((type) =>
            fc.record({
              type: fc.constant(type),
              reasonCode: codesOf("server", type),
              properties: propertiesOf(type).map((found) => (type === 15 ? { authenticationMethod: "M", ...found } : found)),
            }),
          )
        : []),
    ) as fc.Arbitrary<ServerPacket>;
    const returnCodes: Readonly<Record<number, number>> = { 0: 0, 132: 1, 133: 2, 136: 3, 134: 4, 135: 5 };
    fc.assert(
      fc.property(model, (given) => {
        const read = foreignReads(encodeServerPacket(given, version), version);
        const properties = "properties" in given ? foreignProperties(given.properties) : undefined;
        const { [given.type]: cmd } = Object.fromEntries(Object.entries(packetType).map(([name, type]) => [type, name]));
        t.is(read.cmd, cmd);
        t.deepEqual(plain(read.properties), properties);
        if ("packetId" in given) t.is(read.messageId, given.packetId);
        if ("reasonCodes" in given && (five || given.type === 9))
          t.deepEqual(
            read.granted,
            given.reasonCodes.map((code) => (five ? code : Math.min(code, 0x80))),
          );
        if ("reasonCode" in given && five) t.is((read.reasonCode as number | undefined) ?? 0, given.reasonCode);
        if (given.type === packetType.connack && !five) t.is(read.returnCode, returnCodes[given.reasonCode]);
        if (given.type === packetType.connack) t.is(read.sessionPresent, given.sessionPresent && given.reasonCode === 0 && version !== 3);
      }),
      runs,
    );
  });

  test(`mqtt-packet reads every PUBLISH that writePublish() writes, publishSize() bytes long (version ${version})`, (t) => {
    const model = fc.record({
      ...{ topic, payload: bytes, qos, retain: fc.boolean(), again: fc.boolean(), packetId, asBytes: fc.boolean() },
      forwarded: propertiesOf(packetType.publish, ["messageExpiryIntervalS", "topicAlias", "subscriptionIdentifiers"]),
      hop: propertiesOf(packetType.publish, [
        "payloadFormatIndicator",
        "contentType",
        "responseTopic",
        "correlationData",
        "userProperties",
      ]),
    });
    const fields = newPublishFields();
    fc.assert(
      fc.property(model, ({ forwarded, hop, ...given }) => {
        const wire = encodeProperties(forwarded);
        const dup = given.again && given.qos > 0;
        // Topic, properties and payload each come from the middle of something.
        const inside = (part: Buffer): Buffer => Buffer.concat([Buffer.of(0xff, 0xff, 0xff), part, Buffer.of(0xff)]);
        Object.assign(fields, { version, qos: given.qos, retain: given.retain, dup, packetId: given.packetId });
        fields.topic = given.asBytes ? inside(Buffer.from(given.topic)) : given.topic;
        fields.topicStart = 3;
        fields.topicEnd = 3 + Buffer.byteLength(given.topic);
        Object.assign(fields, { properties: inside(wire), propertiesStart: 3, propertiesEnd: 3 + wire.length });
        Object.assign(fields, { payload: inside(given.payload), payloadStart: 3, payloadEnd: 3 + given.payload.length });
        fields.messageExpiryS = hop.messageExpiryIntervalS ?? -1;
        fields.topicAlias = hop.topicAlias ?? 0;
        fields.subscriptionIdentifiers = hop.subscriptionIdentifiers ?? [];
        const target = Buffer.alloc(publishSize(fields) + 10, 0xee);
        const end = writePublish(target, 5, fields);
        t.is(end, target.length - 5);
        t.true(target.subarray(0, 5).every((byte) => byte === 0xee) && target.subarray(end).every((byte) => byte === 0xee));
        const read = foreignReads(target.subarray(5, end), version);
        t.like(read, { topic: given.topic, payload: given.payload, qos: given.qos, retain: given.retain, dup });
        t.is(read.messageId, given.qos === 0 ? undefined : given.packetId);
        t.deepEqual(plain(read.properties), five ? foreignProperties({ ...forwarded, ...hop }) : undefined);
      }),
      runs,
    );
  });
}

test("forwardedProperties() takes out what is of one hop, and keeps the order of the rest [MQTT-3.3.2-17] [MQTT-3.3.2-18]", (t) => {
  fc.assert(
    fc.property(fc.array(propertiesOf(packetType.publish), { maxLength: 3 }), (parts) => {
      const hop = (one: Properties): Properties => {
        const { messageExpiryIntervalS, topicAlias, subscriptionIdentifiers, ...rest } = one;
        return rest;
      };
      const wire = Buffer.concat([Buffer.of(0xff), ...parts.map((one) => encodeProperties(one)), Buffer.of(0xff)]);
      const kept = forwardedProperties(wire, 1, wire.length - 1);
      t.deepEqual(kept, Buffer.concat(parts.map((one) => encodeProperties(hop(one)))));
    }),
    runs,
  );
});

test("encodeServerPacket() keeps user properties of one name, in their order [MQTT 5.0 §2.2.2.2]", (t) => {
  const pairs = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(pairs, (userProperties) => {
      const written = encodeServerPacket({ type: 4, packetId: 1, reasonCode: 0, properties: { userProperties } }, 5);
      t.like(readPacket(written, 0, written.length, 5), { properties: { userProperties } });
    }),
    runs,
  );
});

/** mqtt-packet makes objects without a prototype. */
const plain = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value) || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
};

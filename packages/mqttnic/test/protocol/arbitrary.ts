/** Generates properties, strings and topics for tests, and says how npm `mqtt-packet` writes the same. @module */
import fc from "fast-check";
import type { Properties } from "../../src/protocol/packet.ts";
import { propertyTypes } from "../../src/protocol/property.ts";
import { mostVariableInteger } from "../../src/protocol/variable-integer.ts";

const letter = fc.constantFrom("a", "b", "Z", "0", " ", "/", "$", "\u0001", "\u007f", "é", "€", "\ufeff", "\ud7ff", "\ufffd", "😀");
/** Strings of letters of one to four bytes, as MQTT allows them. */
export const text: fc.Arbitrary<string> = fc.string({ unit: letter, maxLength: 12 });
export const someText: fc.Arbitrary<string> = fc.string({ unit: letter, minLength: 1, maxLength: 12 });
export const bytes: fc.Arbitrary<Buffer> = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
export const packetId: fc.Arbitrary<number> = fc.integer({ min: 1, max: 0xffff });

const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  flag: fc.constantFrom(0, 1),
  // Zero is refused for some, and mqtt-packet takes it for nothing.
  u16: fc.integer({ min: 1, max: 0xffff }),
  u32: fc.integer({ min: 1, max: 0xffff_ffff }),
  text: someText,
  binary: bytes,
  // It keeps them in an object by name: each name once, no number, no empty value.
  pairs: fc.uniqueArray(
    fc.tuple(
      someText.map((name) => `n${name}`),
      someText,
    ),
    { minLength: 1, maxLength: 4, selector: ([name]) => name },
  ),
};

/** Properties that a packet of this type, or a will, may have. @param without Names of those left out. */
export const propertiesOf = (place: number, without: readonly (keyof Properties)[] = []): fc.Arbitrary<Properties> => {
  const own = propertyTypes.filter(({ places, name }) => (places & (1 << place)) !== 0 && !without.includes(name));
  const identifiers = fc.array(fc.integer({ min: 1, max: mostVariableInteger }), { minLength: 1, maxLength: place === 3 ? 3 : 1 });
  const model = Object.fromEntries(own.map(({ name, kind }) => [name, kind === "variable" ? identifiers : values[kind]!]));
  return fc.record(model, { requiredKeys: [] }).map((found) => {
    const properties = found as Properties;
    if (properties.authenticationMethod === undefined) delete properties.authenticationData;
    if (properties.responseTopic !== undefined) properties.responseTopic = properties.responseTopic.replaceAll(/[+#]/g, "");
    return properties;
  });
};

const otherNames: Readonly<Record<string, string>> = {
  sessionExpiryIntervalS: "sessionExpiryInterval",
  messageExpiryIntervalS: "messageExpiryInterval",
  serverKeepAliveS: "serverKeepAlive",
  willDelayIntervalS: "willDelayInterval",
  maximumPacketBytes: "maximumPacketSize",
  maximumQos: "maximumQoS",
  subscriptionIdentifiers: "subscriptionIdentifier",
  subscriptionIdentifierAvailable: "subscriptionIdentifiersAvailable",
};

/** The same properties as mqtt-packet has them; undefined for none. */
export const foreignProperties = (properties: Properties): Record<string, unknown> | undefined => {
  const entries = propertyTypes.flatMap(({ name, kind }) => {
    const value = properties[name];
    if (value === undefined) return [];
    return [[otherNames[name] ?? name, foreignValue(name, kind, value)]];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
};

const foreignValue = (name: string, kind: string, value: unknown): unknown => {
  if (kind === "pairs") return Object.fromEntries(value as [string, string][]);
  if (kind === "flag" && name !== "maximumQos") return value === 1;
  if (Array.isArray(value)) return value.length === 1 ? value[0] : value;
  return value;
};

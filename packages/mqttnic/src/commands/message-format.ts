/** How `mqttnic sub` prints a message: mosquitto_sub's `-F`, its `%j`, and lines of JSON. @module */
import type { IPublishPacket } from "mqtt";
import { usage } from "./broker-args.ts";

/** A message that came. */
export interface PrintedMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly packet: Pick<IPublishPacket, "qos" | "retain" | "messageId" | "properties">;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

type Part = (message: PrintedMessage) => Buffer | string;
type Value = (message: PrintedMessage) => string | number | undefined;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Values of which a part may have a width: `%10t`, `%-10t`, `%05l`, `%.8t`. */
const sized: Readonly<Record<string, Value>> = {
  A: ({ packet }) => packet.properties?.topicAlias,
  C: ({ packet }) => packet.properties?.contentType,
  E: ({ packet }) => packet.properties?.messageExpiryInterval,
  F: ({ packet }) => flag(packet.properties?.payloadFormatIndicator),
  I: ({ atMs }) => isoLocal(atMs),
  l: ({ payload }) => payload.length,
  m: ({ packet }) => packet.messageId ?? 0,
  R: ({ packet }) => packet.properties?.responseTopic,
  S: ({ packet }) => [packet.properties?.subscriptionIdentifier ?? []].flat().join(" "),
  t: ({ topic }) => topic,
  x: ({ payload }) => payload.toString("hex"),
  X: ({ payload }) => payload.toString("hex").toUpperCase(),
};
const plain: Readonly<Record<string, Part>> = {
  "%": () => "%",
  D: ({ packet }) => packet.properties?.correlationData ?? "",
  j: (message) => JSON.stringify(asJson(message)),
  J: (message) => JSON.stringify(asJson(message, true)),
  p: ({ payload }) => payload,
  P: ({ packet }) =>
    userProperties(packet)
      .map(([name, value]) => `${name}:${value}`)
      .join(" "),
  q: ({ packet }) => String(packet.qos),
  r: ({ packet }) => (packet.retain ? "1" : "0"),
  U: ({ atMs }) => `${Math.floor(atMs / 1000)}.${String(atMs % 1000).padStart(3, "0")}000000`,
};
const two = (number: number): string => String(number).padStart(2, "0");
/** Of strftime(3), in local time. */
const times: Readonly<Record<string, (at: Date) => string>> = {
  "@": () => "@",
  d: (at) => two(at.getDate()),
  F: (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
  H: (at) => two(at.getHours()),
  M: (at) => two(at.getMinutes()),
  m: (at) => two(at.getMonth() + 1),
  N: (at) => `${String(at.getMilliseconds()).padStart(3, "0")}000000`,
  S: (at) => two(at.getSeconds()),
  s: (at) => String(Math.floor(at.getTime() / 1000)),
  T: (at) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`,
  Y: (at) => String(at.getFullYear()),
  z: (at) => zone(at),
};
const escapes: Readonly<Record<string, string>> = { "\\": "\\", 0: "\0", a: "\x07", e: "\x1b", n: "\n", r: "\r", t: "\t", v: "\v" };

/**
 * Reads a format of mosquitto_sub(1).
 *
 * @returns What makes bytes of a message, without a line end.
 * @throws {MitsuError} `ERR_USAGE` for a sequence that is not known.
 * @example
 * ```ts
 * messageFormat("%t %l")({ topic: "a", payload: Buffer.from("xy"), packet: { qos: 0, retain: false }, atMs: 0 }).toString(); // "a 2"
 * ```
 */
export function messageFormat(format: string): (message: PrintedMessage) => Buffer {
  const parts: Part[] = [];
  const sequence = /%(-?)(0?)(\d{0,4})(?:\.(\d{1,4}))?(.?)|@(.?)|\\(.?)|[^%@\\]+/gsu;
  for (const [whole, left, zero, width, most, letter, time, escaped] of format.matchAll(sequence)) {
    if (letter !== undefined) parts.push(parameter(whole, { left: left === "-", zero: zero === "0", width, most }, letter));
    else if (time !== undefined) {
      const of = Object.hasOwn(times, time) ? times[time]! : unknown(whole);
      parts.push(({ atMs }) => of(new Date(atMs)));
    } else if (escaped !== undefined) {
      const text = Object.hasOwn(escapes, escaped) ? escapes[escaped]! : unknown(whole);
      parts.push(() => text);
    } else parts.push(() => whole);
  }
  return (message) => Buffer.concat(parts.map((part) => toBuffer(part(message))));
}

/** A message as `%j` and `--json` have it; with `parsed`, the payload as the JSON it is. Bytes that are no UTF-8 are `payloadBase64`. */
export function asJson({ topic, payload, packet, atMs }: PrintedMessage, parsed = false): Readonly<Record<string, unknown>> {
  const { properties: p } = packet;
  const properties = {
    ...(p?.payloadFormatIndicator === undefined ? {} : { "payload-format-indicator": flag(p.payloadFormatIndicator) }),
    ...(p?.messageExpiryInterval === undefined ? {} : { "message-expiry-interval": p.messageExpiryInterval }),
    ...(p?.contentType === undefined ? {} : { "content-type": p.contentType }),
    ...(p?.responseTopic === undefined ? {} : { "response-topic": p.responseTopic }),
    ...(p?.correlationData === undefined ? {} : { "correlation-data": p.correlationData.toString("utf8") }),
    ...(p?.subscriptionIdentifier === undefined ? {} : { "subscription-identifier": p.subscriptionIdentifier }),
    ...(p?.userProperties === undefined ? {} : { "user-properties": userProperties(packet).map(([name, value]) => ({ [name]: value })) }),
  };
  return {
    tst: isoLocal(atMs),
    topic,
    qos: packet.qos,
    retain: packet.retain ? 1 : 0,
    payloadlen: payload.length,
    ...(packet.qos > 0 ? { mid: packet.messageId ?? 0 } : {}),
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...payloadField(payload, parsed),
  };
}

function payloadField(payload: Buffer, parsed: boolean): Readonly<Record<string, unknown>> {
  try {
    const text = utf8.decode(payload);
    return { payload: parsed ? (JSON.parse(text) as unknown) : text };
  } catch (error) {
    if (error instanceof SyntaxError) return { payload: payload.toString("utf8") };
    return { payloadBase64: payload.toString("base64") };
  }
}

interface Size {
  readonly left: boolean;
  readonly zero: boolean;
  readonly width: string | undefined;
  readonly most: string | undefined;
}

function parameter(whole: string, { left, zero, width, most }: Size, letter: string): Part {
  if (Object.hasOwn(sized, letter)) {
    const value = sized[letter]!;
    const least = Number(width || 0);
    return (message) => {
      const text = String(value(message) ?? "").slice(0, most === undefined ? undefined : Number(most));
      return left ? text.padEnd(least) : text.padStart(least, zero ? "0" : " ");
    };
  }
  if (whole.length !== 2 || !Object.hasOwn(plain, letter)) unknown(whole);
  return plain[letter]!;
}

function unknown(whole: string): never {
  throw usage(
    `--format: '${whole}' is no sequence`,
    "%t topic, %p payload, %q QoS, %r retained, %l length, %j JSON, %% a percent sign; mqttnic(8) has all",
  );
}

const toBuffer = (part: Buffer | string): Buffer => (typeof part === "string" ? Buffer.from(part) : part);
const flag = (value: boolean | undefined): number | undefined => (value === undefined ? undefined : Number(value));

function userProperties({ properties }: Pick<IPublishPacket, "properties">): [string, string][] {
  return Object.entries(properties?.userProperties ?? {}).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  );
}

function zone(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`;
}

function isoLocal(atMs: number): string {
  const at = new Date(atMs);
  return `${times.F!(at)}T${times.T!(at)}.${String(at.getMilliseconds()).padStart(3, "0")}000${zone(at)}`;
}

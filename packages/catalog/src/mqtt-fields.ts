/** The scalar fields of `mqtt`, each with a message that names the offending value and what is allowed. @module */
import { z } from "zod";
import { count, wrong } from "./fields.ts";
import { parseIp } from "./ip.ts";

const notBool = wrong("true or false", "use true or false, without quotes");
/** A switch. */
export const bool: z.ZodBoolean = z.boolean(notBool);

const notFilePath = wrong("a path", "use an absolute path, such as /etc/mitsu/passwords");
/** An absolute path. */
export const filePath: z.ZodString = z.string(notFilePath).regex(/^\/[^\0\n]+$/, notFilePath);

const notListenAddress = wrong("an address", 'use an IPv4 or IPv6 address, such as 0.0.0.0 or "::1"');
/** An address to listen at. */
export const listenAddress: z.ZodString = z.string(notListenAddress).refine((text) => parseIp(text) !== undefined, notListenAddress);

const notFilter = wrong("a topic filter", "use levels with / between, + for one level, # for all the last ones, such as nodes/+/state");
/** A topic filter. [MQTT 5.0 §4.7.1] */
export const topicFilter: z.ZodString = z
  .string(notFilter)
  .max(65_535, notFilter)
  .regex(/^(?:(?:[^+#/\0]*|\+)\/)*(?:[^+#/\0]+|\+|#|(?<=\/))$/, notFilter);

const notTopic = wrong("a topic or the beginning of one", "leave + and # out, such as plant/1/");
/** A topic, or what is put before topics; may be empty. */
export const topicText: z.ZodString = z
  .string(notTopic)
  .max(65_535, notTopic)
  .regex(/^[^+#\0]*$/, notTopic);

const notWord = wrong("text", "use text, in quotes when it looks like a number");
/** Any text that is not empty. */
export const word: z.ZodString = z.string(notWord).min(1, notWord).max(65_535, notWord);

const notHostPort = wrong("host:port", 'use a name or address and a port, such as broker.example:1883 or "[fd00::1]:8883"');
/** A name or address, and a port. */
export const hostPort: z.ZodString = z
  .string(notHostPort)
  .regex(/^(?:\[[0-9a-fA-F:.]+\]|[\w.-]{1,253}):\d{1,5}$/, { ...notHostPort, abort: true })
  .refine((text) => portOf(text) >= 1 && portOf(text) <= 65_535, notHostPort);

const portOf = (text: string): number => Number(text.slice(text.lastIndexOf(":") + 1));

/** Takes `host:port` apart; brackets go. */
export function parseHostPort(text: string): { readonly host: string; readonly port: number } {
  return { host: text.slice(0, text.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1"), port: portOf(text) };
}

/** A quality of service. */
export const qos: z.ZodType<0 | 1 | 2> = z.union(
  [z.literal(0), z.literal(1), z.literal(2)],
  wrong("a quality of service", "use 0, 1 or 2"),
);

/** A bound on how many; 0 is none. */
export const bound: z.ZodNumber = count(0, 1_000_000_000, "a limit", "use 0 (none) to 1000000000");

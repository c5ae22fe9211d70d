/** Topic names, topic filters and shared subscriptions. [MQTT 5.0 §4.7, §4.8.2] @module */
import { PacketError } from "./packet.ts";
import { isText } from "./utf8.ts";

const slash = 0x2f;
const plus = 0x2b;
const hash = 0x23;
const dollar = 0x24;
const sharePrefix = "$share/";

/** Whether there is a `+` or `#` in `buffer[start, end)`. */
export function hasWildcard(buffer: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = buffer[at];
    if (byte === plus || byte === hash) return true;
  }
  return false;
}

/**
 * Checks a topic name in wire form, without its length: `buffer[start, end)`.
 * @throws {PacketError} 0x81 for bad UTF-8 or U+0000 [MQTT-4.7.3-2], 0x90 for an empty one [MQTT-4.7.3-1] or one with wildcards [MQTT-3.3.2-2].
 */
export function checkTopicName(buffer: Buffer, start: number, end: number): void {
  if (start === end) throw new PacketError(0x90, "[MQTT-4.7.3-1] a topic name is empty");
  if (!isText(buffer, start, end))
    throw new PacketError(0x81, "[MQTT-1.5.4-1] [MQTT-4.7.3-2] a topic name is not well-formed UTF-8 or has U+0000 in it");
  if (hasWildcard(buffer, start, end)) throw new PacketError(0x90, "[MQTT-3.3.2-2] [MQTT-4.7.0-1] a topic name has a wildcard in it");
}

/** Why a topic filter, shared or not, is wrong; undefined for a valid one. It is answered with 0x8F. [MQTT 5.0 §4.7.1, §4.8.2] */
export function checkFilter(filter: string): string | undefined {
  if (!filter.startsWith(sharePrefix)) return checkPlainFilter(filter);
  const groupEnd = filter.indexOf("/", sharePrefix.length);
  if (groupEnd < 0) return "[MQTT-4.8.2-2] a share name must be followed by / and a topic filter";
  if (groupEnd === sharePrefix.length) return "[MQTT-4.8.2-1] a share name must have one character at least";
  for (let at = sharePrefix.length; at < groupEnd; at++) {
    const code = filter.charCodeAt(at);
    if (code === plus || code === hash) return "[MQTT-4.8.2-2] a share name must not have + or # in it";
  }
  return checkPlainFilter(filter.slice(groupEnd + 1));
}

function checkPlainFilter(filter: string): string | undefined {
  if (filter === "") return "[MQTT-4.7.3-1] a topic filter must have one character at least";
  const last = filter.length - 1;
  for (let at = 0; at <= last; at++) {
    const code = filter.charCodeAt(at);
    if (code === hash && (at !== last || (at > 0 && filter.charCodeAt(at - 1) !== slash)))
      return "[MQTT-4.7.1-1] # must be the last level of a topic filter, alone";
    if (code === plus && ((at > 0 && filter.charCodeAt(at - 1) !== slash) || (at < last && filter.charCodeAt(at + 1) !== slash)))
      return "[MQTT-4.7.1-2] + must be a whole level of a topic filter";
  }
  return undefined;
}

/** Group and filter of `$share/<group>/<filter>`; undefined for any other filter, and for one that {@link checkFilter} refuses. [MQTT 5.0 §4.8.2] */
export function parseShared(filter: string): { group: string; filter: string } | undefined {
  if (!filter.startsWith(sharePrefix) || checkFilter(filter) !== undefined) return undefined;
  const groupEnd = filter.indexOf("/", sharePrefix.length);
  return { group: filter.slice(sharePrefix.length, groupEnd), filter: filter.slice(groupEnd + 1) };
}

/** Whether a valid filter, without `$share/…/`, matches a topic; wildcards in its first level do not match topics that begin with `$` [MQTT-4.7.2-1]. */
export function matches(filter: string, topic: string): boolean {
  const first = filter.charCodeAt(0);
  if ((first === plus || first === hash) && topic.charCodeAt(0) === dollar) return false;
  let at = 0;
  for (let index = 0; index < filter.length; index++) {
    const code = filter.charCodeAt(index);
    if (code === hash) return true;
    if (code === plus) {
      while (at < topic.length && topic.charCodeAt(at) !== slash) at++;
    } else if (at < topic.length && topic.charCodeAt(at) === code) at++;
    // `a/#` matches `a` too: # stands for the level above it as well. [MQTT 5.0 §4.7.1.2]
    else return code === slash && at === topic.length && index === filter.length - 2 && filter.charCodeAt(index + 1) === hash;
  }
  return at === topic.length;
}

/** How many levels a topic or filter has: `a/b` has 2, `/` too. */
export function levels(topic: string): number {
  let count = 1;
  for (let at = topic.indexOf("/"); at >= 0; at = topic.indexOf("/", at + 1)) count++;
  return count;
}

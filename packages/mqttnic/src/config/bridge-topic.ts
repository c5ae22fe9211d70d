/** Whether a bridge's topic can be one; asked of mosquitto.conf and of mesh.yaml alike. @module */
import type { BridgeTopic } from "./broker-config.ts";

/**
 * Says what is wrong with a bridge's topic; undefined when nothing is. mosquitto.conf(5) has the table: an empty pattern needs both prefixes.
 *
 * @example
 * ```ts
 * bridgeTopic({ pattern: "", direction: "in", qos: 0, localPrefix: "a", remotePrefix: "" }); // an empty pattern needs a local and a remote prefix
 * ```
 */
export function bridgeTopic({ pattern, localPrefix, remotePrefix }: BridgeTopic): string | undefined {
  if (pattern === "") {
    if (localPrefix === "" || remotePrefix === "") return "an empty pattern needs a local and a remote prefix";
  } else if (!validFilter(pattern))
    return `${JSON.stringify(pattern)} is no topic filter; # stands alone in the last level, + alone in one`;
  for (const prefix of [localPrefix, remotePrefix]) {
    if (/[+#\0]/.test(prefix)) return `the prefix ${JSON.stringify(prefix)} has a wildcard; topics have none`;
  }
  return undefined;
}

/** [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-2] */
function validFilter(filter: string): boolean {
  if (filter.includes("\0")) return false;
  const levels = filter.split("/");
  return levels.every((level, index) => !/[+#]/.test(level) || level === "+" || (level === "#" && index === levels.length - 1));
}

/** What a bridge takes from one broker to the other, and under which names. Source: mosquitto.conf(5), `topic`. @module */
import type { BridgeTopic } from "../config/broker-config.ts";
import { matches } from "../protocol/topic.ts";
import type { ClientSubscription } from "./client-packets.ts";

/** A direction as the local broker sees it. */
export type Way = "in" | "out";

const goes = (topic: BridgeTopic, way: Way): boolean => topic.direction === "both" || topic.direction === way;

/** The filter that is subscribed to where messages of this direction come from. */
export const sourceFilter = (topic: BridgeTopic, way: Way): string =>
  `${way === "out" ? topic.localPrefix : topic.remotePrefix}${topic.pattern}`;

/** What to subscribe to where messages of this direction come from; the highest QoS where a filter is named twice. */
export function subscriptionsOf(topics: readonly BridgeTopic[], way: Way, retainHandling: 0 | 1): ClientSubscription[] {
  const subscriptions = new Map<string, ClientSubscription>();
  for (const topic of topics) {
    const filter = sourceFilter(topic, way);
    if (!goes(topic, way) || (subscriptions.get(filter)?.qos ?? -1) >= topic.qos) continue;
    subscriptions.set(filter, { filter, qos: topic.qos, noLocal: true, retainAsPublished: true, retainHandling });
  }
  return [...subscriptions.values()];
}

/**
 * The topic's name at the other end, by the first line that fits; undefined when none does.
 *
 * @example
 * ```ts
 * const topics = [{ pattern: "#", direction: "out", qos: 1, localPrefix: "rack/", remotePrefix: "site/7/" }] as const;
 * topicAtOtherEnd(topics, "out", "rack/fan"); // "site/7/fan"
 * ```
 */
export function topicAtOtherEnd(topics: readonly BridgeTopic[], way: Way, name: string): string | undefined {
  for (const topic of topics) {
    if (!goes(topic, way) || !matches(sourceFilter(topic, way), name)) continue;
    const [here, there] = way === "out" ? [topic.localPrefix, topic.remotePrefix] : [topic.remotePrefix, topic.localPrefix];
    return there + name.slice(here.length);
  }
  return undefined;
}

/** Who is to get a message of a topic. [MQTT 5.0 §4.7, §4.8.2] @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer } from "../field-rule.ts";

/** How much of it. */
export interface TopicMatchSpec {
  /** Pairs of a filter and an id. */
  readonly entries: number;
}

/** One pair. */
export interface TopicEntry {
  /** Whole and valid; `$share/<group>/<filter>` for a member of a group. */
  readonly filter: string;
  /** A subscriber, 0 to 2³² − 1. */
  readonly id: number;
}

/** What it does. */
export interface TopicMatch {
  /** A pair that is there already stays once. @throws {MitsuError} `ERR_HAL_FULL`. `ERR_HAL_LIMIT` for a filter that this device cannot hold. */
  add(filter: string, id: number): void;
  /** @returns Whether it was there. */
  remove(filter: string, id: number): boolean;
  /**
   * Ids of all filters that match, ascending, each once. Of a group's members one, in turn; the turn is not part of the state,
   * so after a move it begins anew.
   *
   * @throws {MitsuError} `ERR_HAL_LIMIT` for a topic that this device cannot look up.
   */
  match(topic: string): readonly number[];
}

/** Topics against filters. */
export const topicMatch: Capability<TopicMatchSpec, TopicMatch, readonly TopicEntry[]> = defineCapability<
  TopicMatchSpec,
  TopicMatch,
  readonly TopicEntry[]
>({
  name: "topic-match",
  version: 1,
  about: "finds the subscribers of an MQTT topic",
  fields: { entries: integer(1, 2 ** 24) },
  operations: ["add", "remove", "match"],
  empty: [],
  count: (state) => state.length,
});

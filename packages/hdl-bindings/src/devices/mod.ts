/** Devices of `@mitsu/hal` over the RTL models. @module */
export {
  type MatchTableOptions,
  matchActionProvider,
  matchTableClockMhz,
  matchTableCycles,
  matchTableDevice,
  matchTableLimits,
  type OpenedMatchTable,
  openMatchTableDevice,
} from "./match-action.ts";
export {
  type OpenedTopicMatcher,
  openTopicMatcherDevice,
  type TopicMatcherModel,
  type TopicMatchOptions,
  topicMatcherClockMhz,
  topicMatcherCycles,
  topicMatcherDevice,
  topicMatcherLimits,
  topicMatchProvider,
} from "./topic-match.ts";

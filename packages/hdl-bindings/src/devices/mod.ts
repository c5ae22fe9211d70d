/** Devices of `@mitsu/hal` over the RTL models. @module */
export {
  type AsyncMeshOptions,
  asyncMessageDevice,
  asyncMessageProvider,
  meshClockMhz,
  openAsyncMessageDevice,
} from "./async-message.ts";
export { checksumDevice, checksumProvider, openChecksumDevice } from "./checksum.ts";
export { type PacketDeviceOptions, packetClockMhz } from "./checksum-stream.ts";
export { hashDevice, hashProvider, openHashDevice } from "./hash.ts";
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
export { type OpenedSimulatedNic, openSimulatedNic, type SimulatedNicOptions } from "./simulated-nic.ts";
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

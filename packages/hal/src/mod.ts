/** What devices can do, asked for by name and placed on the cheapest that takes it. @module */
export {
  type AsyncMessage,
  type AsyncMessageSpec,
  type AsyncMessageState,
  asyncMessage,
  type ReceivedMessage,
} from "./capabilities/async-message.ts";
export {
  type Balance,
  type BalancedService,
  type BalanceSpec,
  balance,
  balanceFault,
  type WeightedReplica,
} from "./capabilities/balance.ts";
export { type Checksum, type ChecksumSpec, checksum } from "./capabilities/checksum.ts";
export { type Hash, type HashSpec, hash } from "./capabilities/hash.ts";
export { type MatchAction, type MatchActionRow, type MatchActionSpec, matchAction } from "./capabilities/match-action.ts";
export { type CoupledEnds, type Redirect, type RedirectSpec, redirect } from "./capabilities/redirect.ts";
export { type JoinedStreams, type Relay, type RelaySpec, relay } from "./capabilities/relay.ts";
export { type TopicEntry, type TopicMatch, type TopicMatchSpec, topicMatch } from "./capabilities/topic-match.ts";
export {
  type TracedService,
  type TraceInject,
  type TraceInjectSpec,
  type TraceSettings,
  traceFault,
  traceInject,
} from "./capabilities/trace-inject.ts";
export { capabilities } from "./capabilities.ts";
export {
  type AnyCapability,
  type AnyWork,
  type Capability,
  capabilityLabel,
  defineCapability,
  entriesOf,
  fullError,
  goneError,
  limitError,
  specFault,
  type Work,
} from "./capability.ts";
export {
  type Cost,
  cycleCost,
  type Device,
  type Identity,
  type Installed,
  type Offer,
  type RefusalCode,
  refusalCodes,
  type Verdict,
} from "./device.ts";
export { bytes, type FieldRule, integer, oneOf } from "./field-rule.ts";
export { MessageNetwork, type NetworkPort, type OutgoingMessage } from "./message-network.ts";
export { MessageRings } from "./message-rings.ts";
export type { PlacedWork } from "./placed-work.ts";
export { type NamedWork, Placement, type PlacementOptions } from "./placement.ts";
export { formatReport, type PlacementReport, type Policy, policies, type Refusal, type ReportRow } from "./placement-report.ts";
export { formatPlacement, type PlacementStatusRow } from "./placement-status.ts";
export { type AnyProvider, type Opened, type Provider, ProviderDevice } from "./provider-device.ts";
export { asyncMessageProvider, softwareAsyncMessage } from "./software/async-message.ts";
export { checksumProvider, internetChecksum, softwareChecksum } from "./software/checksum.ts";
export { hashProvider, softwareHash } from "./software/hash.ts";
export { matchActionProvider, softwareMatchAction } from "./software/match-action.ts";

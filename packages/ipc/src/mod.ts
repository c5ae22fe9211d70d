/** Typed requests and event streams between Mitsu's processes: msgpackr frames over Unix sockets. @module */
export { type CleanUp, cleanUp } from "./clean-up.ts";
export {
  type CallOptions,
  type Client,
  type ConnectOptions,
  connect,
  type EventOf,
  type MethodNames,
  type RequestOf,
  type ResponseOf,
  type StreamNames,
} from "./client.ts";
export type { Subscription } from "./client-stream.ts";
export { encodeFrame, type FrameReader, frameReader, maxFrameBytes } from "./frame.ts";
export {
  type MqttnicBridge,
  type MqttnicClient,
  type MqttnicMatching,
  type MqttnicProtocol,
  type MqttnicRetained,
  type MqttnicStatus,
  type MqttnicSubscription,
  mqttnic,
} from "./mqttnic-schema.ts";
export {
  type NicdCluster,
  type NicdEndpoint,
  type NicdFilter,
  type NicdLink,
  type NicdProtocol,
  type NicdRollOut,
  type NicdRoute,
  type NicdRule,
  type NicdSeries,
  type NicdStatus,
  nicd,
  type PushFilterAnswer,
  type PushFilterRequest,
} from "./nicd-schema.ts";
export { type PlacementRow, type PlacementStatus, placementStatus } from "./placement-schema.ts";
export { type PlacerEdge, type PlacerProtocol, type PlacerSource, type PlacerStatus, placer } from "./placer-schema.ts";
export { type Method, method, type Protocol, protocolVersion, type Stream, stream, streamCredit } from "./protocol.ts";
export {
  type OverrideRequest,
  type ReplicadBroker,
  type ReplicadCandidate,
  type ReplicadExplanation,
  type ReplicadNode,
  type ReplicadProtocol,
  type ReplicadReplica,
  type ReplicadSource,
  type ReplicadStatus,
  type ReplicaStanding,
  replicad,
  type SelectAnswer,
  type SelectOutcome,
  type SelectRequest,
} from "./replicad-schema.ts";
export {
  type AttachRequest,
  type DaemonStatus,
  type Endpoint,
  type Flow,
  type FlowsRequest,
  type JoinRequest,
  type LinkKind,
  type MatrixCell,
  type NicReplica,
  type NicRequest,
  type NicState,
  type NicStatus,
  type NumberedReplica,
  type ReplicaStatus,
  type ServiceStatus,
  type SockhijackProtocol,
  type SockhijackStatus,
  sockhijack,
  type TapMessage,
  type TracedEnd,
  type TracedExchange,
  type TracesAnswer,
  type TracesRequest,
} from "./schema.ts";
export { type CallContext, type Handlers, type ServeOptions, type Server, type ServerCounts, serve } from "./server.ts";

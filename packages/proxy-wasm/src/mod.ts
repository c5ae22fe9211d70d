/** Filters in WebAssembly, proxy-wasm ABI 0.1.0, 0.2.0 and 0.2.1: a host for whoever carries the streams. @module */
export { type Capability, capabilities, capabilityOf } from "./abi/capability.ts";
export { fieldName, fieldValue } from "./abi/field.ts";
export { decodePairs, encodePairs, type Pair } from "./abi/map.ts";
export { booleanValue, doubleValue, integerValue, listValue, mapValue, textValue } from "./abi/property-value.ts";
export {
  type AbiVersion,
  type Action,
  action,
  type BodyAction,
  type BufferType,
  bodyAction,
  bufferType,
  type LogLevel,
  logLevels,
  type MapType,
  type MetricType,
  mapType,
  metricType,
  type PeerType,
  peerType,
  type Status,
  type StreamType,
  status,
  streamType,
} from "./abi/types.ts";
export { ByteList } from "./host/byte-list.ts";
export { FieldList } from "./host/field-list.ts";
export { FilterTrap } from "./host/filter-trap.ts";
export { defaultLimits, type Limits } from "./host/limits.ts";
export type { Callbacks, HttpContext, Plugin, PluginCounters, PluginOptions, StartPlugin, TcpContext, TrapReport } from "./host/plugin.ts";
export type {
  GrpcCall,
  GrpcEvents,
  GrpcHandle,
  HttpCall,
  HttpCallAnswer,
  HttpCallHandle,
  MetricHandle,
  PluginHost,
  SharedMemory,
} from "./host/plugin-host.ts";
export { defaultSharedMemoryLimits, SharedMemories, type SharedMemoryLimits } from "./host/shared-memory.ts";
export { startPlugin } from "./host/start-plugin.ts";
export type { ByteBuffer, FieldMap, LocalResponse, StreamHost } from "./host/stream.ts";
export { timeoutAnswer } from "./host/timeout-answer.ts";
export * from "./module/mod.ts";

/** Numbers of the proxy-wasm ABI. Source: proxy-wasm/spec, abi-versions 0.1.0, 0.2.0 and 0.2.1. @module */

/** The versions that the host speaks; a module names its own by exporting `proxy_abi_version_0_2_1` or another. */
export type AbiVersion = "0.1.0" | "0.2.0" | "0.2.1";

/** What host functions return. */
export const status = {
  ok: 0,
  notFound: 1,
  badArgument: 2,
  serializationFailure: 3,
  parseFailure: 4,
  badExpression: 5,
  invalidMemoryAccess: 6,
  empty: 7,
  casMismatch: 8,
  resultMismatch: 9,
  internalFailure: 10,
  brokenConnection: 11,
  unimplemented: 12,
} as const;

/** One of {@link status}. */
export type Status = (typeof status)[keyof typeof status];

/** What a callback of heads, trailers or a connection answers. The last two are of heads only; `endStream` is obsolete, and Envoy takes it as `continue`. */
export const action = {
  continue: 0,
  stopIteration: 1,
  endStream: 2,
  stopAllIterationAndBuffer: 3,
  stopAllIterationAndWatermark: 4,
} as const;

/** One of {@link action}. */
export type Action = (typeof action)[keyof typeof action];

/** What a callback of a body answers: what is stopped is kept as a whole, kept but seen piece by piece, or thrown away. */
export const bodyAction = { continue: 0, stopIterationAndBuffer: 1, stopIterationAndWatermark: 2, stopIterationNoBuffer: 3 } as const;

/** One of {@link bodyAction}. */
export type BodyAction = (typeof bodyAction)[keyof typeof bodyAction];

/** Maps of names and values. */
export const mapType = {
  requestHeaders: 0,
  requestTrailers: 1,
  responseHeaders: 2,
  responseTrailers: 3,
  grpcCallInitialMetadata: 4,
  grpcCallTrailingMetadata: 5,
  httpCallResponseHeaders: 6,
  httpCallResponseTrailers: 7,
} as const;

/** One of {@link mapType}. */
export type MapType = (typeof mapType)[keyof typeof mapType];

/** Buffers of bytes. */
export const bufferType = {
  requestBody: 0,
  responseBody: 1,
  downstreamData: 2,
  upstreamData: 3,
  httpCallResponseBody: 4,
  grpcCallMessage: 5,
  vmConfiguration: 6,
  pluginConfiguration: 7,
  callData: 8,
} as const;

/** One of {@link bufferType}. */
export type BufferType = (typeof bufferType)[keyof typeof bufferType];

/** Which half of what. */
export const streamType = { request: 0, response: 1, downstream: 2, upstream: 3 } as const;

/** One of {@link streamType}. */
export type StreamType = (typeof streamType)[keyof typeof streamType];

/** Kinds of metrics. */
export const metricType = { counter: 0, gauge: 1, histogram: 2 } as const;

/** One of {@link metricType}. */
export type MetricType = (typeof metricType)[keyof typeof metricType];

/** From the least important. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "critical"] as const;

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** Who closed a TCP connection. */
export const peerType = { unknown: 0, local: 1, remote: 2 } as const;

/** One of {@link peerType}. */
export type PeerType = (typeof peerType)[keyof typeof peerType];

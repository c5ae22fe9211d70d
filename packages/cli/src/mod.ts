/** The command-line frame every Mitsu binary shares. @module */
export { type Closers, createClosers } from "./closers.ts";
export {
  type Args,
  type Command,
  type CommandSpec,
  type Context,
  command,
  daemonOptions,
  type Example,
  type Option,
  type Options,
  type Positional,
  type Program,
  type Run,
} from "./command.ts";
export { type DaemonOptions, type Life, runDaemon } from "./daemon.ts";
export { lockDaemon } from "./daemon-lock.ts";
export { didYouMean } from "./did-you-mean.ts";
export { displayWidth } from "./display-width.ts";
export { type Env, type OutputStream, type SignalName, systemEnv } from "./env.ts";
export { exitStatus, MitsuError, type MitsuErrorOptions, NotSupportedError } from "./error.ts";
export { formatBytes, formatDuration, formatRate } from "./format.ts";
export { createLog, type Log, type LogFields, type LogLevel, type LogOptions, logLevels } from "./log.ts";
export {
  type CounterMetric,
  createMetrics,
  type GaugeMetric,
  type HistogramMetric,
  type Labels,
  type MetricSpec,
  type Metrics,
} from "./metrics.ts";
export { type MetricsServer, type MetricsServerOptions, serveMetrics } from "./metrics-server.ts";
export { type Column, json, print, table } from "./output.ts";
export { type Paint, painter } from "./paint.ts";
export { type PeerCredentials, peerCredentials } from "./peer-credentials.ts";
export { reportError, run } from "./run.ts";
export { type ListenFd, listenFds, type Notifier, notifier, sdNotify } from "./sd-notify.ts";
export { onSignals, type Signals } from "./signals.ts";
export { type TestEnv, type TestEnvOptions, testEnv } from "./test-env.ts";
export { type Progress, progress, type WatchOptions, watch } from "./watch.ts";

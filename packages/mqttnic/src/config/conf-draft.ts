/** What the lines of a mosquitto.conf add up to while they are read; `conf-build.ts` makes a `BrokerConfig` of it. @module */
import type { LogLevel } from "@mitsu/cli";
import type { BridgeConfig, BridgeTopic, Limits, ListenerConfig } from "./broker-config.ts";
import type { ConfPlace } from "./conf-value.ts";

/** Makes all fields of a type writable and optional. */
export type Partly<T> = { -readonly [K in keyof T]?: T[K] };

/** Where and by what somebody was told something. */
export interface Told<T> {
  readonly value: T;
  readonly place: ConfPlace;
}

/** Settings that `per_listener_settings true` makes each listener's own. */
export interface OwnSettings {
  allowAnonymous?: boolean;
  passwordFile?: Told<string>;
  aclFile?: Told<string>;
  emptyClientIds?: Told<boolean>;
  assignedIdPrefix?: Told<string>;
}

/** A listener that is being described. */
export interface ListenerDraft extends OwnSettings {
  readonly place: ConfPlace;
  port?: number;
  /** Address or name; every address when absent. */
  host?: string;
  path?: string;
  domain?: "ipv4" | "ipv6";
  /** Of the default listener: whether anything was said of it, so that it is opened. */
  used: boolean;
  fields: Partly<
    Pick<
      ListenerConfig,
      "protocol" | "mostConnections" | "mountPoint" | "mostQos" | "topicAliases" | "proxyProtocol" | "webSocketPaths" | "certificateName"
    >
  >;
  tls: {
    certificate?: string;
    key?: string;
    authorities?: string;
    revoked?: string;
    requireCertificate?: boolean;
    identity?: boolean;
    subject?: boolean;
  };
}

/** A bridge that is being described. */
export interface BridgeDraft {
  readonly place: ConfPlace;
  readonly name: string;
  addresses: { readonly host: string; readonly port: number | undefined }[];
  topics: BridgeTopic[];
  fields: Partly<Omit<BridgeConfig, "name" | "addresses" | "topics" | "tls">>;
  tls: { authorities?: string; certificate?: string; key?: string; insecure?: boolean };
}

/** All of it. */
export interface Draft {
  listeners: ListenerDraft[];
  /** What is said before the first `listener` is about this one. */
  readonly defaultListener: ListenerDraft;
  listener: ListenerDraft;
  bridges: BridgeDraft[];
  bridge: BridgeDraft | undefined;
  /** `per_listener_settings`. */
  perListener: boolean;
  /** Of all listeners, unless `perListener`. */
  readonly own: OwnSettings;
  noDelay: boolean;
  limits: Partly<Limits>;
  clientIdPrefix: string;
  persistence: boolean;
  persistenceLocation: string | undefined;
  persistenceFile: string | undefined;
  sysIntervalMs: number | undefined;
  retainAvailable: boolean | undefined;
  upgradeOutgoingQos: boolean | undefined;
  logTypes: Set<string>;
  logOff: boolean;
  logLevel: LogLevel | undefined;
  pidFile: string | undefined;
  /** Adds a warning about the line that is being read. */
  warn: (message: string) => void;
}

/** A draft that nothing was said in. */
export function emptyDraft(file: string): Draft {
  const defaultListener: ListenerDraft = { place: { file, line: 1 }, used: false, fields: {}, tls: {} };
  return {
    listeners: [],
    defaultListener,
    listener: defaultListener,
    bridges: [],
    bridge: undefined,
    perListener: false,
    own: {},
    noDelay: true,
    limits: {},
    clientIdPrefix: "",
    persistence: false,
    persistenceLocation: undefined,
    persistenceFile: undefined,
    sysIntervalMs: undefined,
    retainAvailable: undefined,
    upgradeOutgoingQos: undefined,
    logTypes: new Set(),
    logOff: false,
    logLevel: undefined,
    pidFile: undefined,
    warn: () => {},
  };
}

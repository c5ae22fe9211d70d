/** From the draft of a mosquitto.conf to a `BrokerConfig`: defaults, and what goes with what. @module */
import { isAbsolute, join, resolve } from "node:path";
import type { LogLevel } from "@mitsu/cli";
import type { BridgeConfig, BrokerConfig, ListenerConfig, TlsConfig } from "./broker-config.ts";
import type { BridgeDraft, Draft, ListenerDraft, OwnSettings, Told } from "./conf-draft.ts";
import { type ConfPlace, shown } from "./conf-value.ts";
import { defaultConfig, defaultLimits, defaultListener } from "./defaults.ts";
import { listenerName } from "./listen-at.ts";

/** What is known of the machine. */
export interface Machine {
  /** For `remote_clientid`. */
  readonly hostName: string;
  /** Relative paths are below it. */
  readonly folder: string;
  /** Whether it has IPv6 addresses, so that every address is `::`, and loopback two of them. */
  readonly ipv6: boolean;
}

/** Where findings go. */
export interface Findings {
  readonly fault: (place: ConfPlace, directive: string, message: string) => void;
  readonly warn: (place: ConfPlace, directive: string, message: string) => void;
}

/**
 * Makes the configuration; what is wrong goes to `findings`, and the result is whole only when nothing did.
 *
 * @param ports Of `-p`: loopback ports, which count only where the file has no listener, as mosquitto does it.
 */
export function buildConfig(draft: Draft, ports: readonly number[], machine: Machine, findings: Findings): BrokerConfig {
  const listeners = listenersOf(draft, ports, machine, findings);
  const { persistence, persistenceLocation = ".", persistenceFile = "mqttnic.db" } = draft;
  const retain = draft.retainAvailable ?? defaultConfig.retainAvailable;
  return {
    ...defaultConfig,
    listeners,
    limits: { ...defaultLimits, ...draft.limits },
    security: {
      ...defaultConfig.security,
      passwordFile: absolute(shared(draft, "passwordFile", "password_file", findings), machine),
      aclFile: absolute(shared(draft, "aclFile", "acl_file", findings), machine),
      clientIdPrefix: draft.clientIdPrefix,
    },
    persistence: {
      ...defaultConfig.persistence,
      path: persistence ? join(resolve(machine.folder, persistenceLocation), storeName(persistenceFile)) : undefined,
    },
    bridges: draft.bridges.flatMap((bridge) => bridgeOf(bridge, machine, findings)),
    sysIntervalMs: draft.sysIntervalMs ?? defaultConfig.sysIntervalMs,
    emptyClientIds: shared(draft, "emptyClientIds", "allow_zero_length_clientid", findings) ?? defaultConfig.emptyClientIds,
    assignedIdPrefix: shared(draft, "assignedIdPrefix", "auto_id_prefix", findings) ?? defaultConfig.assignedIdPrefix,
    retainAvailable: retain,
    upgradeOutgoingQos: draft.upgradeOutgoingQos ?? defaultConfig.upgradeOutgoingQos,
  };
}

/** The most talkative of `log_type`; undefined when nothing was said. */
export function logLevelOf({ logTypes, logOff }: Draft): LogLevel | undefined {
  if (logOff || (logTypes.has("none") && logTypes.size === 1)) return "error";
  if (logTypes.has("all") || logTypes.has("debug")) return "debug";
  if (["information", "notice", "subscribe", "unsubscribe"].some((type) => logTypes.has(type))) return "info";
  if (logTypes.has("warning")) return "warn";
  return logTypes.has("error") ? "error" : undefined;
}

/** mosquitto's own file is never opened: its format is another. */
const storeName = (name: string): string => (name === "mosquitto.db" ? "mqttnic.db" : name);

const absolute = (path: string | undefined, { folder }: Machine): string | undefined =>
  path === undefined || isAbsolute(path) ? path : resolve(folder, path);

/** All listeners, or loopback for anybody there when the file has none. */
function listenersOf(draft: Draft, ports: readonly number[], machine: Machine, findings: Findings): ListenerConfig[] {
  const { defaultListener: first, listeners } = draft;
  const all = first.used ? [{ ...first, port: first.port ?? 1883 }, ...listeners] : listeners;
  if (first.used && listeners.length > 0 && first.port === undefined) {
    findings.warn(first.place, "listener", "what stands before the first listener opens one at port 1883 as well, as mosquitto does");
  }
  if (all.length > 0) {
    const names = new Map<string, ListenerConfig>();
    for (const one of all) {
      const config = listenerOf(one, draft, machine, findings);
      if (names.has(config.name)) findings.fault(one.place, "listener", `${config.name} is taken by another listener of this file`);
      names.set(config.name, config);
    }
    return [...names.values()];
  }
  const anonymous = (draft.perListener ? first.allowAnonymous : draft.own.allowAnonymous) === false ? "no" : "local";
  return [...new Set(ports.length > 0 ? ports : [1883])].flatMap((port) =>
    ["127.0.0.1", ...(machine.ipv6 ? ["::1"] : [])].map((address) => ({
      ...defaultListener,
      name: listenerName(address, port),
      address,
      port,
      anonymous,
      noDelay: draft.noDelay,
    })),
  );
}

function listenerOf(one: ListenerDraft, draft: Draft, machine: Machine, findings: Findings): ListenerConfig {
  const { path, port = 1883, host, domain, tls } = one;
  const every = domain === "ipv4" || !machine.ipv6 ? "0.0.0.0" : "::";
  const address = path === undefined ? (host ?? every) : undefined;
  if (host !== undefined && domain !== undefined && host.includes(":") !== (domain === "ipv6") && /^[\d.]+$|:/.test(host)) {
    findings.fault(one.place, "socket_domain", `${domain} does not go with the address ${host}`);
  }
  const settings = draft.perListener ? one : draft.own;
  return {
    ...defaultListener,
    ...one.fields,
    name: path ?? listenerName(address!, port),
    address,
    port: path === undefined ? port : 0,
    path,
    tls: tlsOf(one, machine, findings),
    anonymous: settings.allowAnonymous === true ? "yes" : "no",
    certificateName: tls.identity ? "common-name" : tls.subject ? "subject" : "none",
    noDelay: draft.noDelay,
  };
}

function tlsOf({ tls, place }: ListenerDraft, machine: Machine, { fault }: Findings): TlsConfig | undefined {
  const { certificate, key, authorities, revoked, requireCertificate = false } = tls;
  if ((certificate === undefined) !== (key === undefined)) {
    const [there, missing] = certificate === undefined ? (["keyfile", "certfile"] as const) : (["certfile", "keyfile"] as const);
    fault(place, there, `needs ${missing} as well, for the same listener`);
    return undefined;
  }
  if (certificate === undefined || key === undefined) {
    for (const [directive, value] of Object.entries({
      cafile: authorities,
      crlfile: revoked,
      require_certificate: requireCertificate || undefined,
      use_identity_as_username: tls.identity || undefined,
      use_subject_as_username: tls.subject || undefined,
    }))
      if (value !== undefined) fault(place, directive, "needs certfile and keyfile, for the same listener");
    return undefined;
  }
  if (requireCertificate && authorities === undefined)
    fault(place, "require_certificate", "needs cafile: the authorities that are trusted");
  if (revoked !== undefined && authorities === undefined) fault(place, "crlfile", "needs cafile: the authorities that are trusted");
  if ((tls.identity || tls.subject) && !requireCertificate) {
    const directive = tls.identity ? "use_identity_as_username" : "use_subject_as_username";
    fault(place, directive, "needs require_certificate true, or else whoever shows no certificate would have no name");
  }
  return {
    certificate: absolute(certificate, machine)!,
    key: absolute(key, machine)!,
    authorities: absolute(authorities, machine),
    requireCertificate,
    revoked: absolute(revoked, machine),
    byServerName: {},
  };
}

/** The one value of a setting that is the whole broker's here, though `per_listener_settings` lets mosquitto have several. */
function shared<K extends "passwordFile" | "aclFile" | "emptyClientIds" | "assignedIdPrefix">(
  draft: Draft,
  key: K,
  directive: string,
  { fault, warn }: Findings,
): NonNullable<OwnSettings[K]>["value"] | undefined {
  type Value = NonNullable<OwnSettings[K]>["value"];
  if (!draft.perListener) return draft.own[key]?.value;
  const owners = draft.defaultListener.used ? [draft.defaultListener, ...draft.listeners] : draft.listeners;
  const told = owners.map((owner) => owner[key] as Told<Value> | undefined);
  const [first, ...others] = told.filter((one) => one !== undefined);
  if (!first) return undefined;
  const other = others.find(({ value }) => value !== first.value);
  if (other) fault(other.place, directive, `is another one than in line ${first.place.line}; all listeners have the same here`);
  else if (told.includes(undefined)) {
    if (key === "aclFile")
      fault(first.place, directive, "is not said for every listener; all listeners have the same here, so say it for each");
    else warn(first.place, directive, "holds for every listener here, those that do not say it too");
  }
  return first.value;
}

/** None when it is wrong. */
function bridgeOf({ name, place, addresses, topics, fields, tls }: BridgeDraft, machine: Machine, { fault }: Findings): BridgeConfig[] {
  if (addresses.length === 0) fault(place, "connection", `${shown(name)} has no address`);
  if (topics.length === 0) fault(place, "connection", `${shown(name)} has no topic`);
  const secured = tls.authorities !== undefined || tls.certificate !== undefined;
  if ((tls.certificate === undefined) !== (tls.key === undefined)) {
    fault(place, "connection", `${shown(name)} needs bridge_certfile and bridge_keyfile, or none of them`);
  }
  if (tls.insecure && !secured) fault(place, "connection", `${shown(name)} has bridge_insecure without bridge_cafile`);
  if (fields.remotePassword !== undefined && fields.remoteUsername === undefined) {
    fault(place, "connection", `${shown(name)} has a remote_password without a remote_username [MQTT-3.1.2-22]`);
  }
  const remoteClientId = fields.remoteClientId ?? `${name}.${machine.hostName}`;
  const localClientId = fields.localClientId ?? `local.${remoteClientId}`;
  if (localClientId === remoteClientId) fault(place, "connection", `${shown(name)} has the same client id at both ends`);
  return [
    {
      protocolVersion: 4,
      remoteUsername: undefined,
      remotePassword: undefined,
      cleanSession: false,
      keepAliveS: 60,
      restartMinMs: 5_000,
      restartMaxMs: 30_000,
      tryPrivate: true,
      notifications: true,
      notificationTopic: undefined,
      ...fields,
      remoteClientId,
      localClientId,
      name,
      addresses: addresses.map(({ host, port }) => ({ host, port: port ?? (secured ? 8883 : 1883) })),
      topics,
      tls: secured
        ? {
            authorities: absolute(tls.authorities, machine),
            certificate: absolute(tls.certificate, machine),
            key: absolute(tls.key, machine),
            insecure: tls.insecure ?? false,
          }
        : undefined,
    },
  ];
}

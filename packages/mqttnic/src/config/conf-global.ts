/** Directives of mosquitto.conf that are about the whole broker. @module */
import type { Draft, OwnSettings } from "./conf-draft.ts";
import { ConfFault, type ConfValue, shown } from "./conf-value.ts";

/** Reads one directive's value into the draft. */
export type Directive = (value: ConfValue, draft: Draft) => void;

const mostCount = 2 ** 31 - 1;
/** The largest packet MQTT knows. [MQTT 5.0 §2.1.4] */
const largestPacket = 268_435_460;

/** Settings that are a listener's own with `per_listener_settings`, else everybody's. */
const own = ({ perListener, listener, own: all }: Draft): OwnSettings => {
  if (perListener) listener.used = true;
  return perListener ? listener : all;
};

const unitSeconds: Readonly<Record<string, number>> = { h: 3600, d: 86_400, w: 604_800, m: 2_592_000, y: 31_536_000 };

function expiry(value: ConfValue): number {
  const what = "a number and h, d, w, m or y, such as 14d";
  const [word] = value.words(1, 1, what);
  const [, count, unit] = /^(\d{1,6})([hdwmy])$/.exec(word!) ?? [];
  if (count === undefined || Number(count) === 0) throw new ConfFault(`${shown(word!)} is not ${what}`);
  return Math.min(Number(count) * unitSeconds[unit!]!, 0xffff_fffe);
}

const logTypes = ["debug", "error", "warning", "notice", "information", "subscribe", "unsubscribe", "websockets", "internal"];

/** By name. */
export const globalDirectives: Readonly<Record<string, Directive>> = {
  per_listener_settings: (value, draft) => {
    draft.perListener = value.bool();
    const said = Object.keys(draft.own).length > 0;
    if (draft.perListener && said) throw new ConfFault("must come before the security settings that it is about");
  },
  allow_anonymous: (value, draft) => {
    own(draft).allowAnonymous = value.bool();
  },
  password_file: (value, draft) => {
    own(draft).passwordFile = { value: value.text("a path"), place: value.place };
  },
  acl_file: (value, draft) => {
    own(draft).aclFile = { value: value.text("a path"), place: value.place };
  },
  allow_zero_length_clientid: (value, draft) => {
    own(draft).emptyClientIds = { value: value.bool(), place: value.place };
  },
  auto_id_prefix: (value, draft) => {
    own(draft).assignedIdPrefix = { value: value.text("a prefix"), place: value.place };
  },
  clientid_prefixes: (value, draft) => {
    draft.clientIdPrefix = value.text("a prefix");
  },
  persistence: (value, draft) => {
    draft.persistence = value.bool();
  },
  persistence_location: (value, draft) => {
    draft.persistenceLocation = value.text("a folder");
  },
  persistence_file: (value, draft) => {
    const name = value.text("a file name");
    if (name.includes("/")) throw new ConfFault(`${shown(name)} has a slash; say the folder with persistence_location`);
    draft.persistenceFile = name;
  },
  max_inflight_messages: (value, draft) => {
    draft.limits.inflight = value.whole(0, 65_535);
  },
  max_inflight_bytes: (value, draft) => {
    if (value.whole(0, mostCount) > 0) draft.warn("has no effect: max_inflight_messages bounds what is on its way");
  },
  max_queued_messages: (value, draft) => {
    draft.limits.queuedMessages = value.whole(0, mostCount);
  },
  max_queued_bytes: (value, draft) => {
    draft.limits.queuedBytes = value.whole(0, Number.MAX_SAFE_INTEGER);
  },
  queue_qos0_messages: (value, draft) => {
    draft.limits.queueQos0 = value.bool();
  },
  max_packet_size: (value, draft) => {
    draft.limits.packetBytes = value.whole(20, largestPacket);
  },
  message_size_limit: (value, draft) => {
    draft.limits.payloadBytes = value.whole(0, 268_435_455);
  },
  max_keepalive: (value, draft) => {
    draft.limits.keepAliveS = value.whole(10, 65_535);
  },
  persistent_client_expiration: (value, draft) => {
    draft.limits.sessionExpiryS = expiry(value);
  },
  retain_available: (value, draft) => {
    draft.retainAvailable = value.bool();
  },
  set_tcp_nodelay: (value, draft) => {
    draft.noDelay = value.bool();
  },
  sys_interval: (value, draft) => {
    draft.sysIntervalMs = value.whole(0, 65_535) * 1000;
  },
  upgrade_outgoing_qos: (value, draft) => {
    draft.upgradeOutgoingQos = value.bool();
  },
  pid_file: (value, draft) => {
    draft.pidFile = value.text("a path");
  },
  log_type: (value, draft) => {
    const [type] = value.words(1, 1, [...logTypes, "all", "none"].join(", "));
    if (type !== "all" && type !== "none" && !logTypes.includes(type!)) {
      throw new ConfFault(`cannot be ${shown(type!)}; use ${[...logTypes, "all", "none"].join(", ")}`);
    }
    draft.logTypes.add(type!);
  },
  log_dest: (value, draft) => {
    const [destination] = value.words(1, 32, "stdout, stderr, syslog, topic, file <path> or none");
    if (!["stdout", "stderr", "syslog", "topic", "file", "dlt", "none"].includes(destination!)) {
      throw new ConfFault(`cannot be ${shown(destination!)}; use stdout, stderr, syslog, topic, file <path> or none`);
    }
    if (destination === "none") draft.logOff = true;
    else if (destination !== "stderr") draft.warn("logs go to stderr all the same, from where systemd's journal takes them");
  },
};

/** Directives of mosquitto.conf that are about one bridge: the last one that `connection` began. @module */
import { bridgeTopic } from "./bridge-topic.ts";
import type { BridgeDraft, Draft } from "./conf-draft.ts";
import type { Directive } from "./conf-global.ts";
import { ConfFault, type ConfValue, shown, wholeOf } from "./conf-value.ts";

/** A setting of the current bridge. */
const of =
  (set: (bridge: BridgeDraft, value: ConfValue, draft: Draft) => void): Directive =>
  (value, draft) => {
    if (!draft.bridge) throw new ConfFault("stands before any connection; write connection <name> first");
    set(draft.bridge, value, draft);
  };

/** `host`, `host:port`, `[::1]:port`, and mosquitto's `::1:port`. */
function addressOf(word: string): { readonly host: string; readonly port: number | undefined } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|(.+?))(?::(\d+))?$/.exec(word) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || /[\s/@]/.test(host)) throw new ConfFault(`${shown(word)} is no address; write host:port`);
  if (plain?.includes(":") && (port === undefined || plain.endsWith(":"))) {
    throw new ConfFault(`${shown(word)} has no port; write [${word}]:1883`);
  }
  return { host, port: port === undefined ? undefined : wholeOf(port, 1, 65_535, "a port") };
}

const addresses = of((bridge, value) => {
  bridge.addresses.push(...value.words(1, 16, "host:port").map(addressOf));
});
const remoteClientId = of((bridge, value) => {
  bridge.fields.remoteClientId = value.text("a client id");
});
const remoteUsername = of((bridge, value) => {
  bridge.fields.remoteUsername = value.text("a user name");
});
const remotePassword = of((bridge, value) => {
  bridge.fields.remotePassword = value.text("a password");
});

/** By name. */
export const bridgeDirectives: Readonly<Record<string, Directive>> = {
  connection: (value, draft) => {
    const name = value.text("a name");
    if (draft.bridges.some((bridge) => bridge.name === name)) throw new ConfFault(`there is a connection ${shown(name)} already`);
    draft.bridge = { place: value.place, name, addresses: [], topics: [], fields: {}, tls: {} };
    draft.bridges.push(draft.bridge);
  },
  address: addresses,
  addresses,
  topic: of((bridge, value) => {
    const what = "pattern [out | in | both [qos [local-prefix [remote-prefix]]]]";
    const [pattern, direction = "out", qos = "0", localPrefix = "", remotePrefix = ""] = value.words(1, 5, what);
    if (direction !== "in" && direction !== "out" && direction !== "both") {
      throw new ConfFault(`${shown(direction)} is no direction; use out, in or both`);
    }
    const topic = {
      pattern: pattern!,
      direction,
      qos: wholeOf(qos, 0, 2, "a QoS; use 0, 1 or 2") as 0 | 1 | 2,
      localPrefix,
      remotePrefix,
    } as const;
    const wrong = bridgeTopic(topic);
    if (wrong !== undefined) throw new ConfFault(wrong);
    bridge.topics.push(topic);
  }),
  remote_clientid: remoteClientId,
  clientid: remoteClientId,
  remote_username: remoteUsername,
  username: remoteUsername,
  remote_password: remotePassword,
  password: remotePassword,
  local_clientid: of((bridge, value) => {
    bridge.fields.localClientId = value.text("a client id");
  }),
  local_username: of((_bridge, value) => {
    value.text("a user name");
    throw new ConfFault("is not supported: a bridge is no user here, and its topic lines say all that it may do; delete the line");
  }),
  local_password: of((_bridge, value, draft) => {
    value.text("a password");
    draft.warn("is not needed: the bridge is a part of the broker");
  }),
  cleansession: of((bridge, value) => {
    bridge.fields.cleanSession = value.bool();
  }),
  local_cleansession: of((_bridge, value, draft) => {
    value.bool();
    draft.warn("has no effect: what waits for a bridge is kept unless cleansession is true");
  }),
  keepalive_interval: of((bridge, value) => {
    bridge.fields.keepAliveS = value.whole(5, 65_535);
  }),
  restart_timeout: of((bridge, value) => {
    const [least, most = least] = value.words(1, 2, "seconds, or the least and the most of them").map((word) => wholeOf(word, 1, 86_400));
    if (most! < least!) throw new ConfFault(`the cap ${most} is below the base ${least}`);
    bridge.fields.restartMinMs = least! * 1000;
    bridge.fields.restartMaxMs = most! * 1000;
  }),
  start_type: of((_bridge, value) => {
    if (value.oneOf("automatic", "lazy", "once", "manual") !== "automatic") throw new ConfFault("only automatic is supported");
  }),
  try_private: of((bridge, value) => {
    bridge.fields.tryPrivate = value.bool();
  }),
  notifications: of((bridge, value) => {
    bridge.fields.notifications = value.bool();
  }),
  notifications_local_only: of((_bridge, value, draft) => {
    if (value.bool()) draft.warn("has no effect: the other broker is told too; notifications false tells none");
  }),
  notification_topic: of((bridge, value) => {
    const topic = value.text("a topic");
    if (/[+#\0]/.test(topic)) throw new ConfFault(`${shown(topic)} has a wildcard; topics have none`);
    bridge.fields.notificationTopic = topic;
  }),
  round_robin: of((_bridge, value, draft) => {
    if (value.bool()) draft.warn("has no effect: the next address is tried when one fails, the first one first after each start");
  }),
  bridge_attempt_unsubscribe: of((_bridge, value, draft) => {
    if (!value.bool()) draft.warn("has no effect: what is no longer wanted of the other broker is unsubscribed");
  }),
  bridge_outgoing_retain: of((_bridge, value) => {
    if (!value.bool()) throw new ConfFault("false is not supported: retained messages stay retained");
  }),
  bridge_protocol_version: of((bridge, value) => {
    bridge.fields.protocolVersion = ({ mqttv31: 3, mqttv311: 4, mqttv50: 5 } as const)[value.oneOf("mqttv50", "mqttv311", "mqttv31")];
  }),
  bridge_cafile: of((bridge, value) => {
    bridge.tls.authorities = value.text("a path");
  }),
  bridge_certfile: of((bridge, value) => {
    bridge.tls.certificate = value.text("a path");
  }),
  bridge_keyfile: of((bridge, value) => {
    bridge.tls.key = value.text("a path");
  }),
  bridge_insecure: of((bridge, value) => {
    bridge.tls.insecure = value.bool();
  }),
};

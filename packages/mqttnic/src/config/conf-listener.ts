/** Directives of mosquitto.conf that are about one listener: the last one that `listener` began. @module */
import type { ListenerDraft } from "./conf-draft.ts";
import type { Directive } from "./conf-global.ts";
import { ConfFault, type ConfValue, shown, wholeOf } from "./conf-value.ts";

/** A setting of the current listener. */
const of =
  (set: (listener: ListenerDraft, value: ConfValue) => void): Directive =>
  (value, { listener }) => {
    listener.used = true;
    set(listener, value);
  };

/** By name. */
export const listenerDirectives: Readonly<Record<string, Directive>> = {
  listener: (value, draft) => {
    const what = "a port and perhaps an address, or 0 and the path of a Unix socket";
    const [first, second] = value.words(1, 2, what);
    const port = wholeOf(first!, 0, 65_535, "a port");
    const path = second?.startsWith("/") ? second : undefined;
    if (port === 0 && path === undefined) throw new ConfFault(`0 is no port; give ${what}`);
    if (port !== 0 && path !== undefined) throw new ConfFault(`a Unix socket has no port; write listener 0 ${path}`);
    draft.listener = {
      place: value.place,
      used: true,
      port,
      ...(path === undefined ? {} : { path }),
      ...(second === undefined || path !== undefined ? {} : { host: second }),
      fields: {},
      tls: {},
    };
    draft.listeners.push(draft.listener);
  },
  port: (value, draft) => {
    draft.defaultListener.port = value.whole(1, 65_535);
    draft.defaultListener.used = true;
    draft.warn("is deprecated in mosquitto; write listener instead");
  },
  bind_address: (value, draft) => {
    [draft.defaultListener.host] = value.words(1, 1, "an address") as [string];
    draft.defaultListener.used = true;
    draft.warn("is deprecated in mosquitto; write listener instead");
  },
  protocol: of((listener, value) => {
    listener.fields.protocol = value.oneOf("mqtt", "websockets");
  }),
  socket_domain: of((listener, value) => {
    listener.domain = value.oneOf("ipv4", "ipv6");
  }),
  max_connections: of((listener, value) => {
    listener.fields.mostConnections = Math.max(0, value.whole(-1, 10_000_000));
  }),
  mount_point: (value, { listener, defaultListener }) => {
    if (listener === defaultListener) throw new ConfFault("stands before any listener; write it below the listener that it is about");
    const prefix = value.text("the beginning of topics");
    if (/[+#\0]/.test(prefix)) throw new ConfFault(`${shown(prefix)} has a wildcard; topics have none`);
    listener.fields.mountPoint = prefix;
  },
  max_qos: of((listener, value) => {
    listener.fields.mostQos = value.whole(0, 2) as 0 | 1 | 2;
  }),
  max_topic_alias: of((listener, value) => {
    listener.fields.topicAliases = value.whole(0, 65_535);
  }),
  enable_proxy_protocol: of((listener, value) => {
    listener.fields.proxyProtocol = value.oneOf("true", "false", "1", "2") !== "false";
  }),
  certfile: of((listener, value) => {
    listener.tls.certificate = value.text("a path");
  }),
  keyfile: of((listener, value) => {
    listener.tls.key = value.text("a path");
  }),
  cafile: of((listener, value) => {
    listener.tls.authorities = value.text("a path");
  }),
  crlfile: of((listener, value) => {
    listener.tls.revoked = value.text("a path");
  }),
  require_certificate: of((listener, value) => {
    listener.tls.requireCertificate = value.bool();
  }),
  use_identity_as_username: of((listener, value) => {
    listener.tls.identity = value.bool();
  }),
  use_subject_as_username: of((listener, value) => {
    listener.tls.subject = value.bool();
  }),
  tls_version: of((_listener, value) => {
    const version = value.oneOf("tlsv1.3", "tlsv1.2", "tlsv1.1");
    if (version === "tlsv1.1") throw new ConfFault("tlsv1.1 is not safe and not offered; use tlsv1.2 or tlsv1.3");
    if (version === "tlsv1.3")
      throw new ConfFault("tlsv1.3 alone cannot be had: 1.2 is offered as well; delete the line, or write tlsv1.2");
  }),
};

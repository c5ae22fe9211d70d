/** mosquitto.conf(5): each directive, what is refused and why, mosquitto 2's rules on who may come in, and a fuzz. */
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import fc from "fast-check";
import type { BridgeConfig, BrokerConfig, ListenerConfig } from "../../src/config/broker-config.ts";
import { bridgeDirectives } from "../../src/config/conf-bridge.ts";
import { globalDirectives } from "../../src/config/conf-global.ts";
import { listenerDirectives } from "../../src/config/conf-listener.ts";
import { needlessDirectives, refusedDirectives } from "../../src/config/conf-refused.ts";
import { defaultConfig, defaultLimits, defaultListener } from "../../src/config/defaults.ts";
import { type MosquittoConf, parseMosquittoConf } from "../../src/config/mosquitto-conf.ts";

const machine = { hostName: "box", folder: "/srv", ipv6: false };

function read(text: string, ports: readonly number[] = [], files: Readonly<Record<string, string>> = {}): MosquittoConf {
  return parseMosquittoConf(text, {
    file: "m.conf",
    ports,
    machine,
    readFile: (path) => {
      if (files[path] === undefined) throw Object.assign(new Error("no"), { code: "ENOENT" });
      return Buffer.from(files[path], "latin1");
    },
    listFolder: (path) => {
      const inside = Object.keys(files).filter((name) => name.startsWith(`${path}/`));
      if (inside.length === 0) throw Object.assign(new Error("no"), { code: "ENOENT" });
      return inside.map((name) => name.slice(path.length + 1)).reverse();
    },
  });
}

const config = (text: string, ports: readonly number[] = []): BrokerConfig => read(text, ports).config;
const listener = (text: string): ListenerConfig => config(`listener 1884 127.0.0.1\n${text}`).listeners[0]!;
const bridge = (text: string): BridgeConfig => config(`connection up\naddress far\ntopic #\n${text}`).bridges[0]!;

function refusal(text: string, files: Readonly<Record<string, string>> = {}): string {
  try {
    read(text, [], files);
  } catch (error) {
    if (!(error instanceof MitsuError)) throw error;
    if (error.code !== "ERR_MQTT_CONFIG" || error.exit !== 78 || !error.hint) throw new Error("another error", { cause: error });
    return error.message;
  }
  throw new Error(`accepted: ${text}`);
}

test("an empty file is the default: loopback, anybody there", (t) => {
  t.deepEqual(config(""), { ...defaultConfig, listeners: [{ ...defaultListener, anonymous: "local" }] });
  t.deepEqual(config("# listener 1\n\n   \n\t\n"), config(""));
});

test("without a listener there are both loopback addresses where there is IPv6, at the ports of -p", (t) => {
  const { listeners } = parseMosquittoConf("", { file: "m.conf", ports: [1884, 1885, 1884], machine: { ipv6: true } }).config;
  t.deepEqual(
    listeners.map(({ name }) => name),
    ["127.0.0.1:1884", "[::1]:1884", "127.0.0.1:1885", "[::1]:1885"],
  );
});

test("allow_anonymous is true on loopback without a listener, and false with one, as in mosquitto 2", (t) => {
  const anonymous = (text: string) => config(text).listeners.map((one) => one.anonymous);
  t.deepEqual(anonymous("allow_anonymous false"), ["no"]);
  t.deepEqual(anonymous("listener 1883"), ["no"]);
  t.deepEqual(anonymous("listener 1883 127.0.0.1"), ["no"]);
  t.deepEqual(anonymous("listener 0 /run/m.sock"), ["no"]);
  t.deepEqual(anonymous("port 1883"), ["no"]);
  t.deepEqual(anonymous("listener 1883\nallow_anonymous true\nlistener 1884"), ["yes", "yes"]);
});

test("per_listener_settings makes allow_anonymous each listener's own", (t) => {
  const text = "per_listener_settings true\nlistener 1\nallow_anonymous true\nlistener 2\nlistener 3\nallow_anonymous false\n";
  t.deepEqual(
    config(text).listeners.map((one) => one.anonymous),
    ["yes", "no", "no"],
  );
});

test("-p is ignored where the file has a listener, with a warning", (t) => {
  const { config: read1, warnings } = read("listener 1884\n", [1999]);
  t.deepEqual(
    read1.listeners.map(({ port }) => port),
    [1884],
  );
  t.regex(warnings[0]!, /^m\.conf: has a listener, so -p is ignored/);
});

test("listener takes a port, an address, a name or the path of a Unix socket", (t) => {
  const at = (text: string) => {
    const { name, address, port, path } = config(text).listeners[0]!;
    return { name, address, port, path };
  };
  t.deepEqual(at("listener 1883"), { name: "0.0.0.0:1883", address: "0.0.0.0", port: 1883, path: undefined });
  t.deepEqual(at("listener 1883 10.0.0.1"), { name: "10.0.0.1:1883", address: "10.0.0.1", port: 1883, path: undefined });
  t.deepEqual(at("listener 1883 ::1"), { name: "[::1]:1883", address: "::1", port: 1883, path: undefined });
  t.deepEqual(at("listener 0 /run/m.sock"), { name: "/run/m.sock", address: undefined, port: 0, path: "/run/m.sock" });
  t.deepEqual(at("port 1999\nbind_address 10.0.0.2"), { name: "10.0.0.2:1999", address: "10.0.0.2", port: 1999, path: undefined });
  const six = parseMosquittoConf("listener 1\nlistener 2\nsocket_domain ipv4", { file: "m.conf", machine: { ipv6: true } });
  t.deepEqual(
    six.config.listeners.map(({ address }) => address),
    ["::", "0.0.0.0"],
  );
});

test("what stands before the first listener opens the default one, with a warning", (t) => {
  const { config: both, warnings } = read("max_qos 1\nlistener 1884\n");
  t.deepEqual(
    both.listeners.map(({ port, mostQos }) => [port, mostQos]),
    [
      [1883, 1],
      [1884, 2],
    ],
  );
  t.regex(warnings[0]!, /1883/);
});

for (const [text, expected] of [
  ["protocol websockets", { protocol: "websockets" }],
  ["max_connections 7", { mostConnections: 7 }],
  ["max_connections -1", { mostConnections: 0 }],
  ["mount_point plant 1/", { mountPoint: "plant 1/" }],
  ["max_qos 0", { mostQos: 0 }],
  ["max_topic_alias 0", { topicAliases: 0 }],
  ["enable_proxy_protocol 2", { proxyProtocol: true }],
  ["set_tcp_nodelay false", { noDelay: false }],
  ["set_tcp_nodelay true", { noDelay: true }],
] as const) {
  test(`listener: ${text}`, (t) => {
    t.deepEqual(listener(text), { ...defaultListener, name: "127.0.0.1:1884", port: 1884, anonymous: "no", ...expected });
  });
}

test("listener: TLS directives, relative paths below the folder it was started in", (t) => {
  const { tls, certificateName } = listener(
    "certfile c.pem\nkeyfile /k/k.pem\ncafile ca.pem\ncrlfile crl.pem\nrequire_certificate true\nuse_identity_as_username true\nuse_subject_as_username true\ntls_version tlsv1.2\n",
  );
  t.deepEqual(tls, {
    certificate: "/srv/c.pem",
    key: "/k/k.pem",
    authorities: "/srv/ca.pem",
    revoked: "/srv/crl.pem",
    requireCertificate: true,
    byServerName: {},
  });
  t.is(certificateName, "common-name");
  t.is(listener("certfile c\nkeyfile k\ncafile a\nrequire_certificate true\nuse_subject_as_username true").certificateName, "subject");
});

for (const [text, expected] of [
  ["max_inflight_messages 5", { inflight: 5 }],
  ["max_inflight_messages 0", { inflight: 0 }],
  ["max_inflight_bytes 1000", {}],
  ["max_queued_messages 0", { queuedMessages: 0 }],
  ["max_queued_bytes 4096", { queuedBytes: 4096 }],
  ["queue_qos0_messages true", { queueQos0: true }],
  ["max_packet_size 20", { packetBytes: 20 }],
  ["message_size_limit 100", { payloadBytes: 100 }],
  ["max_keepalive 60", { keepAliveS: 60 }],
  ["persistent_client_expiration 2w", { sessionExpiryS: 1_209_600 }],
  ["persistent_client_expiration 1h", { sessionExpiryS: 3600 }],
  ["persistent_client_expiration 2m", { sessionExpiryS: 5_184_000 }],
  ["persistent_client_expiration 999999y", { sessionExpiryS: 4_294_967_294 }],
] as const) {
  test(`limits: ${text}`, (t) => {
    t.deepEqual(config(text).limits, { ...defaultLimits, ...expected });
  });
}

for (const [text, expected] of [
  ["sys_interval 0", { sysIntervalMs: 0 }],
  ["sys_interval 5", { sysIntervalMs: 5000 }],
  ["allow_zero_length_clientid false", { emptyClientIds: false }],
  ["auto_id_prefix x-", { assignedIdPrefix: "x-" }],
  ["retain_available false", { retainAvailable: false }],
  ["upgrade_outgoing_qos true", { upgradeOutgoingQos: true }],
  ["password_file pw", { security: { ...defaultConfig.security, passwordFile: "/srv/pw" } }],
  ["acl_file /etc/a cl", { security: { ...defaultConfig.security, aclFile: "/etc/a cl" } }],
  ["clientid_prefixes s-", { security: { ...defaultConfig.security, clientIdPrefix: "s-" } }],
  ["persistence true", { persistence: { path: "/srv/mqttnic.db", sync: false } }],
  ["persistence true\npersistence_location /var/lib/mosquitto/", { persistence: { path: "/var/lib/mosquitto/mqttnic.db", sync: false } }],
  ["persistence 1\npersistence_file b.db", { persistence: { path: "/srv/b.db", sync: false } }],
  ["persistence true\npersistence_file mosquitto.db", { persistence: { path: "/srv/mqttnic.db", sync: false } }],
  ["persistence false\npersistence_file b.db", { persistence: { path: undefined, sync: false } }],
] as const) {
  test(`broker: ${text.replace("\n", ", ")}`, (t) => {
    t.deepEqual(config(text), { ...defaultConfig, ...expected });
  });
}

test("persistence_file mosquitto.db is never opened, and that is said", (t) => {
  t.regex(read("persistence true\npersistence_file mosquitto.db").warnings[0]!, /left alone/);
});

for (const [text, level] of [
  ["log_type all", "debug"],
  ["log_type error\nlog_type debug", "debug"],
  ["log_type information", "info"],
  ["log_type error\nlog_type warning", "warn"],
  ["log_type none", "error"],
  ["log_dest none", "error"],
  ["log_type websockets", undefined],
  ["", undefined],
] as const) {
  test(`log level of ${text.replace("\n", ", ") || "nothing"} is ${level}`, (t) => {
    t.is(read(text).logLevel, level);
  });
}

test("a bridge has mosquitto's defaults", (t) => {
  t.deepEqual(bridge(""), {
    name: "up",
    addresses: [{ host: "far", port: 1883 }],
    topics: [{ pattern: "#", direction: "out", qos: 0, localPrefix: "", remotePrefix: "" }],
    protocolVersion: 4,
    localClientId: "local.up.box",
    remoteClientId: "up.box",
    remoteUsername: undefined,
    remotePassword: undefined,
    cleanSession: false,
    keepAliveS: 60,
    restartMinMs: 5000,
    restartMaxMs: 30_000,
    tryPrivate: true,
    notifications: true,
    notificationTopic: undefined,
    tls: undefined,
  });
});

for (const [text, expected] of [
  ["remote_clientid r", { remoteClientId: "r", localClientId: "local.r" }],
  ["clientid r\nlocal_clientid l", { remoteClientId: "r", localClientId: "l" }],
  ["remote_username u\nremote_password p w", { remoteUsername: "u", remotePassword: "p w" }],
  ["username u\npassword p", { remoteUsername: "u", remotePassword: "p" }],
  ["cleansession true", { cleanSession: true }],
  ["keepalive_interval 5", { keepAliveS: 5 }],
  ["restart_timeout 20", { restartMinMs: 20_000, restartMaxMs: 20_000 }],
  ["restart_timeout 1 9", { restartMinMs: 1000, restartMaxMs: 9000 }],
  ["start_type automatic", {}],
  ["try_private false", { tryPrivate: false }],
  ["notifications false", { notifications: false }],
  ["notifications_local_only true", {}],
  ["notification_topic a/b", { notificationTopic: "a/b" }],
  ["bridge_outgoing_retain true", {}],
  ["bridge_protocol_version mqttv50", { protocolVersion: 5 }],
  ["bridge_protocol_version mqttv31", { protocolVersion: 3 }],
  [
    "bridge_cafile ca\nbridge_insecure true",
    {
      addresses: [{ host: "far", port: 8883 }],
      tls: { authorities: "/srv/ca", certificate: undefined, key: undefined, insecure: true },
    },
  ],
] as const) {
  test(`bridge: ${text.replace("\n", ", ")}`, (t) => {
    t.deepEqual(bridge(text), { ...bridge(""), ...expected });
  });
}

test("bridge: addresses with ports, several, IPv6 with and without brackets", (t) => {
  const text = "connection b\naddresses a b:1884 [::1]:1885\naddress fd00::1:1886\ntopic x\n";
  t.deepEqual(config(text).bridges[0]!.addresses, [
    { host: "a", port: 1883 },
    { host: "b", port: 1884 },
    { host: "::1", port: 1885 },
    { host: "fd00::1", port: 1886 },
  ]);
});

test('bridge: topic with direction, QoS and prefixes, "" is an empty one', (t) => {
  const text = 'connection b\naddress a\ntopic # both 2 local/ remote/\ntopic x in 1 "" r/\ntopic "" out 0 l r\ntopic +/t in\n';
  t.deepEqual(
    config(text).bridges[0]!.topics.map(({ pattern, direction, qos, localPrefix, remotePrefix }) => [
      pattern,
      direction,
      qos,
      localPrefix,
      remotePrefix,
    ]),
    [
      ["#", "both", 2, "local/", "remote/"],
      ["x", "in", 1, "", "r/"],
      ["", "out", 0, "l", "r"],
      ["+/t", "in", 0, "", ""],
    ],
  );
});

test("include_dir reads .conf files in mosquitto's order, faults name the file", (t) => {
  const files = {
    "/srv/d/b.conf": "sys_interval 3",
    "/srv/d/A.conf": "sys_interval 1",
    "/srv/d/00.conf": "listener 1999",
    "/srv/d/a.conf": "sys_interval 2",
    "/srv/d/no.txt": "?",
  };
  const { config: read1, included } = read("include_dir d\nmax_qos 0", [], files);
  t.is(read1.sysIntervalMs, 3000);
  t.deepEqual([read1.listeners[0]!.port, read1.listeners[0]!.mostQos], [1999, 0]);
  t.deepEqual(included, ["/srv/d/00.conf", "/srv/d/A.conf", "/srv/d/a.conf", "/srv/d/b.conf"]);
  t.regex(refusal("include_dir d", { "/srv/d/x.conf": "\nlistner 1" }), /^\/srv\/d\/x\.conf:2: listner .*listener/);
  t.regex(refusal("include_dir d", { "/srv/d/x.conf": "include_dir e" }), /x\.conf:1: include_dir .*main file/);
  t.regex(refusal("include_dir d", { "/srv/d/x.conf": "\xff" }), /m\.conf:1: include_dir .*not UTF-8/);
  t.regex(refusal("include_dir nowhere"), /m\.conf:1: include_dir cannot read the folder \/srv\/nowhere: ENOENT/);
});

for (const [text, says] of [
  ["listner 1883", /^m\.conf:1: listner is no directive; did you mean listener\?$/],
  ["\n\nfrobnicate 1", /^m\.conf:3: frobnicate is no directive of mosquitto\.conf\(5\)$/],
  ["constructor x", /^m\.conf:1: constructor is no directive/],
  ["__proto__ x", /^m\.conf:1: __proto__ is no directive/],
  ["listener", /listener has no value; give a port/],
  ["listener x", /listener "x" is not a port/],
  ["listener 70000", /listener "70000" is not a port/],
  ["listener 0", /listener 0 is no port/],
  ["listener 1883 /run/x", /a Unix socket has no port; write listener 0 \/run\/x/],
  ["listener 1883 a b", /takes no 3 words/],
  ["listener 1883 a\nlistener 1883 a", /^m\.conf:2: listener a:1883 is taken/],
  ["allow_anonymous yes", /allow_anonymous "yes" is neither true nor false/],
  ["allow_anonymous", /has no value; give true or false/],
  ["max_qos 3", /max_qos "3" is not a whole number from 0 to 2/],
  ["sys_interval 5 # often", /sys_interval takes no 3 words/],
  ["max_packet_size 19", /"19" is not a whole number from 20 to 268435460/],
  ["max_packet_size 1e3", /"1e3" is not/],
  ["max_keepalive 9", /"9" is not a whole number from 10/],
  ["persistent_client_expiration 2x", /"2x" is not a number and h, d, w, m or y/],
  ["persistence_file a/b", /has a slash; say the folder with persistence_location/],
  ["log_type loud", /log_type cannot be "loud"; use debug/],
  ["log_dest printer", /log_dest cannot be "printer"/],
  ["mount_point x", /stands before any listener/],
  ["listener 1\nmount_point a\\/#", /wildcard/],
  ["listener 1\nprotocol http", /protocol cannot be "http"; use mqtt, websockets/],
  ["listener 1\ntls_version tlsv1.1", /not safe/],
  ["listener 1\ntls_version tlsv1.3", /1\.2 is offered as well/],
  ["connection a\naddress a\ntopic #\nlocal_username u", /a bridge is no user here/],
  ["connection a\naddress a\ntopic #\nbridge_outgoing_retain false", /retained messages stay retained/],
  ["listener 1\ncertfile c", /^m\.conf:1: certfile needs keyfile as well/],
  ["listener 1\nkeyfile c", /keyfile needs certfile as well/],
  ["listener 1\ncafile c", /cafile needs certfile and keyfile/],
  ["listener 1\ncertfile c\nkeyfile k\nrequire_certificate true", /require_certificate needs cafile/],
  ["listener 1\ncertfile c\nkeyfile k\nuse_identity_as_username true", /needs require_certificate true/],
  ["listener 1 10.0.0.1\nsocket_domain ipv6", /socket_domain ipv6 does not go with the address 10\.0\.0\.1/],
  ["password_file a\nper_listener_settings true", /must come before/],
  [
    "per_listener_settings true\nlistener 1\npassword_file a\nlistener 2\npassword_file b",
    /^m\.conf:5: password_file is another one than in line 3/,
  ],
  ["per_listener_settings true\nlistener 1\nacl_file a\nlistener 2", /acl_file is not said for every listener/],
  ["topic #", /topic stands before any connection/],
  ["address a", /address stands before any connection/],
  ["connection a", /"a" has no address\nm\.conf:1: connection "a" has no topic/],
  ["connection a\nconnection a", /there is a connection "a" already/],
  ["connection a\naddress a:0\ntopic #", /"0" is not a port/],
  ["connection a\naddress ::1\ntopic #", /has no port; write \[::1\]:1883/],
  ["connection a\naddress a\ntopic # sideways", /"sideways" is no direction/],
  ["connection a\naddress a\ntopic # out 3", /"3" is not a QoS/],
  ['connection a\naddress a\ntopic "" both 0 "" ""', /an empty pattern needs a local and a remote prefix/],
  ["connection a\naddress a\ntopic a#", /is no topic filter/],
  ["connection a\naddress a\ntopic x out 0 a/+/", /prefix "a\/\+\/" has a wildcard/],
  ["connection a\naddress a\ntopic #\nrestart_timeout 9 1", /the cap 1 is below the base 9/],
  ["connection a\naddress a\ntopic #\nstart_type lazy", /only automatic/],
  ["connection a\naddress a\ntopic #\nremote_password p", /without a remote_username/],
  ["connection a\naddress a\ntopic #\nbridge_certfile p", /needs bridge_certfile and bridge_keyfile/],
  ["connection a\naddress a\ntopic #\nlocal_clientid x\nremote_clientid x", /same client id at both ends/],
  ["connection a\naddress a\ntopic #\nkeepalive_interval 4", /from 5 to/],
  ["auth_opt_x 1", /auth_opt_x is not supported: plug-ins/],
  ["sys_interval\0 5", /control character/],
] as const) {
  test(`refused: ${JSON.stringify(text)}`, (t) => {
    t.regex(refusal(text), says);
  });
}

for (const [name, why] of refusedDirectives) {
  test(`refused with the reason: ${name}`, (t) => {
    t.is(refusal(`\n${name} x`), `m.conf:2: ${name} ${why.startsWith("is not") ? "" : "is not supported: "}${why}`);
  });
}

for (const [name, why] of needlessDirectives) {
  test(`accepted with a warning: ${name}`, (t) => {
    const { warnings } = read(`${name} 1`);
    t.deepEqual(warnings, [`m.conf:1: ${name} ${why}`]);
  });
}

test("every fault of a file is told, in its order", (t) => {
  t.is(refusal("max_qos 9\nlistener x\n\nfoo 1").split("\n").length, 3);
});

test("a directive said twice warns, and the last counts", (t) => {
  const { config: read1, warnings } = read("sys_interval 1\nsys_interval 2");
  t.is(read1.sysIntervalMs, 2000);
  t.deepEqual(warnings, ["m.conf:2: sys_interval was said in line 1 already; this one counts"]);
  t.deepEqual(read("listener 1\nmax_qos 1\nlistener 2\nmax_qos 1").warnings, []);
});

test("Windows line ends, a byte order mark and blanks around are taken", (t) => {
  t.is(config("\uFEFFsys_interval   7  \r\n\t max_queued_messages\t5 \r\n").sysIntervalMs, 7000);
});

test("parseMosquittoConf() throws nothing but MitsuError, whatever stands in the file", (t) => {
  const known = [
    ...Object.keys({ ...globalDirectives, ...listenerDirectives, ...bridgeDirectives }),
    ...refusedDirectives.keys(),
    ...needlessDirectives.keys(),
    "include_dir",
  ];
  const word = fc.oneof(
    fc.constantFrom("true", "false", "0", "1", "-1", "1883", "65536", "127.0.0.1", "::1", "/tmp/x", "#", '""', "in", "both", "a/+/b", "2w"),
    fc.string({ maxLength: 8 }),
  );
  const line = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(fc.constantFrom(...known), fc.array(word, { maxLength: 5 })).map(([name, rest]) => [name, ...rest].join(" ")),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 30 }) },
  );
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      try {
        const { config: whole } = read(lines.join("\n"));
        accepted++;
        return whole.listeners.length > 0;
      } catch (error) {
        return error instanceof MitsuError && error.code === "ERR_MQTT_CONFIG";
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
  t.true(accepted > 50, `${accepted} of 3000 were accepted`);
});

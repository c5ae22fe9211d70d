/** mqttnic's commands: nouns read, verbs change. It is long because it is a table: each option stands where it is described. @module */
import { command, daemonOptions, type Option, type Options, type Program } from "@mitsu/cli";

const limit = { type: "number", description: "at most so many", default: 1000 } as const satisfies Option;
const qos = { type: "number", alias: "q", description: "quality of service: 0, 1 or 2", default: 0 } as const satisfies Option;

/** Which broker a client command talks to, and as whom. */
const broker = {
  host: { type: "string", description: "the broker; -h with a value is the same", default: "localhost", unit: "name" },
  port: { type: "number", alias: "p", description: "its port; 1883 unless given, 8883 with TLS" },
  url: { type: "string", alias: "L", description: "all in one: mqtt, mqtts, ws or wss", unit: "mqtt://user:password@host:port/topic" },
  unix: { type: "string", description: "a Unix socket in place of host and port", unit: "path" },
  clientId: { type: "string", alias: "i", description: "client id; a random one unless given", unit: "id" },
  username: { type: "string", alias: "u", description: "user name", unit: "name" },
  password: { type: "string", alias: "P", description: "password; MQTT_PASSWORD of the environment unless given", unit: "text" },
  protocol: { type: "string", alias: "V", description: "version of MQTT", choices: ["5", "3.1.1", "3.1"], default: "5" },
  keepAlive: { type: "number", alias: "k", description: "keep-alive", default: 60, unit: "s" },
  connectTimeoutMs: { type: "number", description: "give up connecting after", default: 10_000, unit: "ms" },
  cafile: { type: "string", description: "authorities that the broker's certificate may come from; means TLS", unit: "path" },
  cert: { type: "string", description: "own certificate; means TLS", unit: "path" },
  key: { type: "string", description: "own key", unit: "path" },
  insecure: { type: "boolean", description: "take any certificate of the broker; means TLS" },
} as const satisfies Options;

/** The program `mqttnic`. */
export const mqttnic: Program = {
  name: "mqttnic",
  version: "0.1.0",
  summary: "the MQTT broker of the NIC",
  description:
    "An MQTT 3.1, 3.1.1 and 5.0 broker that collects and hands out the state of every node (of 64 in some 0.3 ms), alone or as one broker over all nodes of a mesh. It reads mosquitto.conf, so that mqttnic -c mosquitto.conf -p 1883 -v stands in for mosquitto.",
  examples: [
    { command: "mqttnic daemon", does: "on loopback, or as /etc/mitsu/mesh.yaml says" },
    { command: "mqttnic -c /etc/mosquitto/mosquitto.conf -v", does: "in place of mosquitto" },
    { command: "mqttnic sub -t 'nodes/#' -v", does: "what every node tells" },
  ],
  options: daemonOptions("mqttnic"),
  commands: [
    command({
      name: "daemon",
      summary: "run the broker",
      description:
        "SIGHUP reads configuration, passwords, ACL and certificates again; what is wrong is refused whole. SIGTERM says goodbye to clients and lets what waits leave, for 5 s at most.",
      examples: [
        { command: "mqttnic daemon", does: "on loopback, or as /etc/mitsu/mesh.yaml says" },
        {
          command:
            "mqttnic daemon --listen 0.0.0.0:1883 --password-file /etc/mitsu/mqtt.passwords --persistence /var/lib/mitsu/mqttnic/store.db",
          does: "for users, with state that survives a restart",
        },
        { command: "mqttnic daemon -c mosquitto.conf", does: "as mosquitto would" },
      ],
      options: {
        listen: {
          type: "array",
          description: "take clients there, in place of the listeners of the file",
          unit: "address:port or path",
        },
        configFile: { type: "string", alias: "c", description: "a mosquitto.conf, in place of the mesh file", unit: "path" },
        port: { type: "array", alias: "p", description: "on loopback at this port, as mosquitto's -p", unit: "port" },
        persistence: { type: "string", description: "where sessions, queues and retained messages are kept; or off", unit: "path" },
        passwordFile: { type: "string", description: "users and their passwords, see mqttnic passwd", unit: "path" },
        aclFile: { type: "string", description: "who may publish and subscribe to what", unit: "path" },
        anonymous: { type: "string", description: "clients without a name; local is this machine's", choices: ["yes", "no", "local"] },
        dataPlane: {
          type: "string",
          description:
            "how bytes are carried; auto takes epoll where its native part loads, and rtl with it matches topics in the simulated RTL topic matcher",
          choices: ["auto", "epoll", "net", "rtl"],
          default: "auto",
        },
        node: { type: "string", description: "name of this node in the mesh file; the host's name unless given", unit: "name" },
        metrics: { type: "string", description: "serve Prometheus metrics over HTTP", unit: "address:port" },
        maxConnections: { type: "number", description: "connections; 0 is no limit" },
        maxInflight: { type: "number", description: "messages of QoS 1 and 2 on their way to a client; 0 is no limit" },
        maxQueued: { type: "number", description: "messages that wait for a client; 0 is no limit" },
        maxPacketBytes: { type: "number", description: "the largest packet that clients may send", unit: "bytes" },
      },
      load: () => import("./daemon.ts"),
    }),
    command({
      name: "status",
      summary: "what runs, what it carries, and what is wrong",
      examples: [{ command: "mqttnic status", does: "exit status 69 when something is degraded" }],
      load: async () => ({ run: (await import("./commands/show.ts")).status }),
    }),
    command({
      name: "clients",
      summary: "clients that are connected, and sessions that wait for theirs",
      examples: [{ command: "mqttnic clients --watch", does: "redrawn every second" }],
      options: {
        limit,
        watch: { type: "boolean", description: "redraw until interrupted" },
        intervalMs: { type: "number", description: "between two redraws", default: 1000, unit: "ms" },
      },
      load: async () => ({ run: (await import("./commands/show.ts")).clients }),
    }),
    command({
      name: "subscriptions",
      summary: "who subscribes to what",
      examples: [{ command: "mqttnic subscriptions --client dashboard", does: "those of one client" }],
      options: { client: { type: "string", description: "only this client's", unit: "id" }, limit },
      load: async () => ({ run: (await import("./commands/show.ts")).subscriptions }),
    }),
    command({
      name: "retained",
      summary: "retained messages, the beginning of each",
      examples: [{ command: "mqttnic retained 'nodes/+/state'", does: "those of matching topics" }],
      options: { limit, payloadBytes: { type: "number", description: "of each payload", default: 64, unit: "bytes" } },
      positionals: [{ name: "filter", description: "topic filter; all unless given" }],
      load: async () => ({ run: (await import("./commands/show.ts")).retained }),
    }),
    command({
      name: "disconnect",
      summary: "disconnect a client",
      examples: [{ command: "mqttnic disconnect dashboard", does: "told as an administrative action; it may come again" }],
      positionals: [{ name: "client", description: "its client id", required: true }],
      load: async () => ({ run: (await import("./commands/show.ts")).disconnect }),
    }),
    command({
      name: "metrics",
      summary: "metrics in Prometheus' text format",
      examples: [{ command: "mqttnic metrics | grep mitsu_mqttnic", does: "without a listener" }],
      load: async () => ({ run: (await import("./commands/show.ts")).metrics }),
    }),
    command({
      name: "reload",
      summary: "read configuration, passwords, ACL and certificates again",
      examples: [{ command: "mqttnic reload", does: "as SIGHUP, and says what is wrong" }],
      load: async () => ({ run: (await import("./commands/show.ts")).reload }),
    }),
    command({
      name: "pub",
      summary: "publish a message to any broker",
      description: "Takes the flags of mosquitto_pub too.",
      examples: [
        { command: "mqttnic pub -t sensors/1 -m 21.5 -r -q 1", does: "one message, kept for later subscribers" },
        { command: "journalctl -f | mqttnic pub -t logs -l", does: "each line is a message" },
        { command: "mqttnic pub -h broker -t sensors/1 -n -r", does: "delete a retained message" },
      ],
      options: {
        topic: { type: "string", alias: "t", description: "where it is published; that of --url unless given", unit: "topic" },
        message: { type: "string", alias: "m", description: "the message", unit: "text" },
        file: { type: "string", alias: "f", description: "the message is a file's content", unit: "path" },
        stdin: { type: "boolean", alias: "s", description: "the message is all of stdin" },
        stdinLine: { type: "boolean", alias: "l", description: "each line of stdin is a message" },
        null: { type: "boolean", alias: "n", description: "the message is empty, which with --retain deletes the retained one" },
        qos,
        retain: { type: "boolean", alias: "r", description: "the broker keeps it for later subscribers" },
        contentType: { type: "string", description: "content type (5.0)", unit: "text" },
        responseTopic: { type: "string", description: "where answers are expected (5.0)", unit: "topic" },
        correlation: { type: "string", description: "correlation data (5.0)", unit: "text" },
        expiry: { type: "number", description: "the broker drops it after (5.0)", unit: "s" },
        userProperty: { type: "array", description: "user property (5.0)", unit: "name=value" },
        utf8: { type: "boolean", description: "say that the payload is UTF-8 text (5.0)" },
        ...broker,
      },
      load: () => import("./commands/pub.ts"),
    }),
    command({
      name: "sub",
      summary: "print the messages of topics, of any broker",
      description: "Takes the flags of mosquitto_sub too. With --json, each message is a line of JSON.",
      examples: [
        { command: "mqttnic sub -t '#' -v", does: "everything, with topics" },
        { command: "mqttnic sub -t sensors/1 -C 1 -W 5", does: "the next message, or exit status 75 after 5 s" },
        { command: "mqttnic sub -t '$SYS/#' -F '%t %l'", does: "topics and sizes" },
      ],
      options: {
        topic: { type: "array", alias: "t", description: "topic filter; that of --url unless given", unit: "filter" },
        qos,
        count: { type: "number", alias: "C", description: "end after so many messages" },
        timeout: { type: "number", alias: "W", description: "end after", unit: "s" },
        verbose: { type: "boolean", alias: "v", description: "the topic before each message" },
        format: {
          type: "string",
          alias: "F",
          description: "how a message is printed, as mosquitto_sub has it: %t %p %q %r %l %j …",
          unit: "format",
        },
        bare: { type: "boolean", alias: "N", description: "no line end after each message" },
        retained: { type: "string", description: "retained messages", choices: ["all", "only", "never"], default: "all" },
        filterOut: { type: "array", alias: "T", description: "leave out topics that match", unit: "filter" },
        persistent: {
          type: "boolean",
          alias: "c",
          description: "the broker keeps the session, and messages while away; wants --client-id",
        },
        sessionExpiry: {
          type: "number",
          alias: "x",
          description: "how long it keeps it (5.0); for ever with --persistent unless given",
          unit: "s",
        },
        notOwn: { type: "boolean", description: "no messages of this client itself, No Local (5.0)" },
        retainAsPublished: { type: "boolean", description: "the retain flag as it was published (5.0)" },
        ...broker,
      },
      load: () => import("./commands/sub.ts"),
    }),
    command({
      name: "bench",
      summary: "put a load on any broker and measure latencies, losses and duplicates",
      description:
        "Open loop: each message has a time at which it is due, and its latency counts from then, whether the broker is slow or this program. All clients are in this process, which uses a core: to compare brokers fairly, see bench/mqtt.sh.",
      examples: [
        { command: "mqttnic bench --subscribers 100 --rate 1000 --qos 1", does: "fan-out to 100" },
        { command: "mqttnic bench --publishers 100 --rate 20000 --json", does: "fan-in from 100, as JSON" },
      ],
      options: {
        publishers: { type: "number", description: "clients that publish, in turn", default: 1 },
        subscribers: { type: "number", description: "clients that each get every message", default: 1 },
        rate: { type: "number", description: "of all publishers together", default: 1000, unit: "msg/s" },
        size: { type: "number", description: "of a payload", default: 64, unit: "bytes" },
        qos,
        seconds: { type: "number", description: "how long", default: 10, unit: "s" },
        warmUp: { type: "number", description: "before that, without counting", default: 1, unit: "s" },
        topic: { type: "string", alias: "t", description: "topic; bench/ and a random one unless given", unit: "topic" },
        ...broker,
      },
      load: () => import("./commands/bench.ts"),
    }),
    command({
      name: "passwd",
      summary: "add, change or remove a user of a password file",
      examples: [
        {
          command: "mqttnic passwd /etc/mitsu/mqtt.passwords ann --create",
          does: "asks for the password, and makes the file when there is none",
        },
        { command: "mqttnic passwd /etc/mitsu/mqtt.passwords ann --delete", does: "removes a user" },
      ],
      options: {
        delete: { type: "boolean", alias: "D", description: "remove the user" },
        scram: { type: "boolean", description: "keep what SCRAM-SHA-256 needs, in place of an Argon2 hash" },
        create: { type: "boolean", description: "make the file when there is none" },
        stdin: { type: "boolean", description: "the password is the first line of stdin" },
      },
      positionals: [
        { name: "file", description: "the password file", required: true },
        { name: "user", description: "the user's name", required: true },
      ],
      load: () => import("./commands/passwd.ts"),
    }),
    command({
      name: "acl check",
      summary: "whether an ACL file allows something, and by which line",
      examples: [
        { command: "mqttnic acl check /etc/mitsu/mqtt.acl --user ann --publish sensors/1", does: "exit status 1 when it is denied" },
      ],
      options: {
        user: { type: "string", alias: "u", description: "user name; an anonymous client unless given", unit: "name" },
        clientId: { type: "string", alias: "i", description: "client id, for patterns with %c", unit: "id" },
        publish: { type: "boolean", description: "may it publish to the topic?" },
        receive: { type: "boolean", description: "may it get messages of the topic?" },
        subscribe: { type: "boolean", description: "may it subscribe to the topic as a filter?" },
      },
      positionals: [
        { name: "file", description: "the ACL file", required: true },
        { name: "topic", description: "topic or filter", required: true },
      ],
      load: async () => ({ run: (await import("./commands/acl.ts")).check }),
    }),
    command({
      name: "cleanup",
      summary: "end the daemon and remove what it left",
      examples: [{ command: "mqttnic cleanup", does: "its sockets; what it keeps on disk stays" }],
      load: async () => ({ run: (await import("./commands/cleanup.ts")).run }),
    }),
  ],
};

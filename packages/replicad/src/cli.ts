/** replicad's commands: nouns read, verbs change. @module */
import { command, daemonOptions, type Program } from "@mitsu/cli";
import { responseNames } from "./simulate/outcome.ts";

/** The program `replicad`. */
export const replicad: Program = {
  name: "replicad",
  version: "0.1.0",
  summary: "finds the right replica at the moment a request arrives",
  description:
    "The daemon of each node learns how busy its replicas are, tells the other nodes through an MQTT broker, and hands what it knows to the kernel's connect hook, to nicd, and to whoever asks. It also compares ways to choose a replica by simulation.",
  examples: [
    { command: "replicad daemon", does: "with /etc/mitsu/mesh.yaml, a broker on this node, nicd and sockhijack" },
    { command: "replicad explain cart", does: "which replica of cart would get the next request, and why" },
    { command: "replicad drain 10.0.0.7:8080 --wait", does: "no new requests there, and waits until it has none" },
    { command: "replicad simulate --load 0.3..1.1:0.2 --draw curves.svg", does: "all policies against the load" },
  ],
  options: daemonOptions("replicad"),
  commands: [
    command({
      name: "daemon",
      summary: "learn how busy replicas are, and select with it",
      description:
        "Reads nicd's and sockhijack's counters and the node's congestion every millisecond while something changes, tells other nodes, and writes scores for the kernel and reports for nicd. Whatever is missing, it goes on with what there is, and says so in status. SIGHUP reads the mesh file again, or keeps the old one and says why.",
      examples: [
        { command: "replicad daemon --broker mqtt://127.0.0.1:1883", does: "any MQTT broker will do" },
        { command: "replicad daemon --broker off --nicd off", does: "by itself: what sockhijack counts on this node" },
      ],
      options: {
        node: { type: "string", description: "name of this node, as in the mesh file; the host's name unless given", unit: "name" },
        broker: {
          type: "string",
          description: "through which nodes tell each other: mqtt://host:port, mqtts://host:port or unix:///path; off for none",
          default: "mqtt://127.0.0.1:1883",
          unit: "URL",
        },
        brokerUsername: { type: "string", description: "at the broker", unit: "name" },
        brokerPasswordFile: { type: "string", description: "file whose first line is the password", unit: "path" },
        brokerCa: { type: "string", description: "authorities of an mqtts broker; the system's unless given", unit: "path" },
        brokerCertificate: { type: "string", description: "own certificate for an mqtts broker", unit: "path" },
        brokerKey: { type: "string", description: "its key", unit: "path" },
        sockhijack: {
          type: "string",
          description: "control socket of sockhijack; off for none",
          default: "/run/mitsu/sockhijack.sock",
          unit: "path",
        },
        nicd: { type: "string", description: "control socket of nicd; off for none", default: "/run/mitsu/nicd.sock", unit: "path" },
        cgroup: {
          type: "string",
          description: "cgroup that is the node: its throttling and pressure count, not the machine's",
          unit: "path",
        },
        interval: { type: "number", description: "between two messages while something changes", default: 1, unit: "ms" },
        quiet: { type: "number", description: "between two while nothing does", default: 100, unit: "ms" },
        state: {
          type: "string",
          description: "where drained replicas and weights survive a restart",
          default: "/var/lib/mitsu/replicad",
          unit: "path",
        },
        metrics: { type: "string", description: "serve Prometheus metrics over HTTP", unit: "address:port" },
      },
      load: () => import("./daemon.ts"),
    }),
    command({
      name: "status",
      summary: "whom the daemon hears, whom it tells, and what is wrong",
      examples: [{ command: "replicad status", does: "exit status 69 when something is degraded" }],
      load: async () => ({ run: (await import("./commands/status.ts")).run }),
    }),
    command({
      name: "replicas",
      summary: "every replica of the mesh: how busy, how old the news, whether it takes requests",
      examples: [
        { command: "replicad replicas --watch", does: "a live table" },
        { command: "replicad replicas cart --json", does: "for programs" },
      ],
      options: {
        watch: { type: "boolean", alias: "w", description: "redraw until interrupted" },
        intervalMs: { type: "number", description: "between two redraws", default: 500, unit: "ms" },
        sort: { type: "string", description: "order of rows", choices: ["service", "in-flight", "latency", "age"], default: "service" },
      },
      positionals: [{ name: "service", description: "only of this service" }],
      load: () => import("./commands/replicas.ts"),
    }),
    command({
      name: "explain",
      summary: "the candidates for a service's next request, their costs, and why one wins",
      examples: [
        { command: "replicad explain cart", does: "the best first" },
        { command: "replicad explain cart --port 8080 --key user-17", does: "where that sticky key goes" },
      ],
      options: {
        port: { type: "number", description: "port of the service, where it has several" },
        key: { type: "string", description: "a sticky key", unit: "text" },
      },
      positionals: [{ name: "service", description: "name of the service", required: true }],
      load: () => import("./commands/explain.ts"),
    }),
    command({
      name: "select",
      summary: "the replica for one request",
      description:
        "Prints address:port. With a command after --, runs it with MITSU_REPLICA, MITSU_REPLICA_ADDRESS and MITSU_REPLICA_PORT in its environment, and tells the daemon how it went: exit status 0 is an answer, 7 (as curl has it) a refused connection, any other a failure.",
      examples: [
        { command: "curl http://$(replicad select cart)/", does: "once" },
        { command: "replicad select cart -- sh -c 'curl -sf \"http://$MITSU_REPLICA/\"'", does: "with its outcome told" },
      ],
      options: {
        port: { type: "number", description: "port of the service, where it has several" },
        key: { type: "string", description: "a sticky key", unit: "text" },
      },
      positionals: [
        { name: "service", description: "name of the service", required: true },
        { name: "command", description: "what to run", variadic: true },
      ],
      load: () => import("./commands/select.ts"),
    }),
    command({
      name: "drain",
      summary: "send a replica no new requests, on every node",
      description: "Holds until it is undone, over restarts too. What is in flight there goes on.",
      examples: [
        { command: "replicad drain 10.0.0.7:8080 --wait && systemctl restart cart@7", does: "restarts it without a failed request" },
        { command: "replicad drain 10.0.0.7:8080 --undo", does: "it gets requests again, slowly at first" },
      ],
      options: {
        undo: { type: "boolean", description: "it gets requests again" },
        wait: { type: "boolean", description: "until it has none in flight" },
        timeout: { type: "number", description: "wait no longer", default: 60, unit: "s" },
      },
      positionals: [{ name: "replica", description: "address:port", required: true }],
      load: () => import("./commands/drain.ts"),
    }),
    command({
      name: "set-weight",
      summary: "give a replica another share of the requests, on every node",
      examples: [
        { command: "replicad set-weight 10.0.0.7:8080 0.5", does: "half of what one of weight 1 gets" },
        { command: "replicad set-weight 10.0.0.7:8080 default", does: "as in the mesh file again" },
      ],
      positionals: [
        { name: "replica", description: "address:port", required: true },
        { name: "weight", description: "0 to 65535, or default", required: true },
      ],
      load: () => import("./commands/set-weight.ts"),
    }),
    command({
      name: "metrics",
      summary: "metrics in Prometheus' text format",
      examples: [{ command: "replicad metrics | grep mitsu_replicad", does: "without a listener" }],
      load: () => import("./commands/metrics.ts"),
    }),
    command({
      name: "reload",
      summary: "have the daemon read the mesh file again",
      description: "As SIGHUP does. A file that is wrong is refused whole, and the old one stays.",
      examples: [{ command: "replicad reload", does: "an error says what is wrong, with file and line" }],
      load: () => import("./commands/reload.ts"),
    }),
    command({
      name: "cleanup",
      summary: "end the daemon and remove what it left",
      examples: [{ command: "replicad cleanup", does: "its sockets, its table, its overrides; scores in the kernel end by themselves" }],
      options: {
        state: { type: "string", description: "where the daemon keeps overrides", default: "/var/lib/mitsu/replicad", unit: "path" },
      },
      load: () => import("./commands/cleanup.ts"),
    }),
    command({
      name: "policies",
      summary: "ways to choose a replica, their source and options",
      examples: [{ command: "replicad policies --json", does: "for programs" }],
      load: () => import("./commands/policies.ts"),
    }),
    command({
      name: "simulate",
      summary: "predict response times of policies against the load",
      description:
        "Discrete events: clients choose, servers queue and work at speeds that change, reports arrive late or never. Every policy meets the same arrivals, work and changes of speed. Load is the share of what all servers can do at their mean speed. Durations have a unit: 250us, 10ms, 1.5s. With several runs, each figure is the median; the seed rises by 1.",
      examples: [
        {
          command: "replicad simulate --policies round-robin,p2c,mitsu --seconds 20",
          does: "20 servers that slow to a third, 50 clients, load 0.85",
        },
        { command: "replicad simulate --load 0.3..1.1:0.1 --runs 3 --draw curves.svg", does: "nine loads, three seeds, and a picture" },
        {
          command: "replicad simulate --servers 4 --speed equal --age 100ms --broker-lost 10s",
          does: "late reports, and none after 10 s",
        },
        {
          command: "replicad simulate --service pareto:shape=1.5,least=1ms,most=1s --arrivals bursty:on=100ms,off=400ms",
          does: "heavy tails in bursts",
        },
        {
          command: "replicad simulate --crash server=3,at=10s,for=5s,how=silent --retries 1 --timeout 200ms",
          does: "a server is gone for 5 s",
        },
        { command: "replicad simulate --policies prequal --option prequal.quantile=0.6 --probe-cost 50us", does: "an option of a policy" },
      ],
      options: {
        policies: {
          type: "string",
          alias: "p",
          description: "which, of replicad policies",
          default: "round-robin,random,p2c,least-request,peak-ewma,c3,prequal,mitsu,jsq",
          unit: "names",
        },
        option: { type: "array", description: "an option of a policy", unit: "policy.option=number" },
        load: {
          type: "string",
          alias: "l",
          description: "share of the capacity that is asked for",
          default: "0.85",
          unit: "N, A,B,C or from..to:step",
        },
        servers: { type: "number", description: "servers", default: 20 },
        workers: { type: "number", description: "requests that a server works on at once", default: 1 },
        clients: { type: "number", description: "programs that choose, each with what it knows", default: 50 },
        nodes: {
          type: "number",
          description:
            "nodes that servers and clients stand on in turn: on the same there is no network, and reports need no broker; 0 for each on its own",
          default: 0,
        },
        arrivals: { type: "string", description: "poisson, deterministic or bursty:on=,off=", default: "poisson", unit: "kind" },
        service: {
          type: "string",
          description:
            "work of a request: exponential:mean=, deterministic:mean=, log-normal:mean=,cv=, gamma:mean=,cv=, pareto:shape=,least=,most=, or file:PATH with lines `probability duration` or `duration`",
          default: "exponential:mean=10ms",
          unit: "kind",
        },
        speed: {
          type: "string",
          description: "equal, fixed:slow=,servers= or varying:slow=,fast-for=,slow-for=",
          default: "varying:slow=0.333,fast-for=1s,slow-for=1s",
          unit: "kind",
        },
        network: {
          type: "string",
          description: "one way of requests and answers between nodes: a duration, or a kind as for --service",
          default: "0ms",
          unit: "duration",
        },
        age: { type: "string", description: "servers tell their state so often, or never", default: "1ms", unit: "duration" },
        quiet: {
          type: "string",
          description: "and ever more seldom while nothing changes there, down to this; always each interval unless given",
          default: "0ms",
          unit: "duration",
        },
        ageDelay: { type: "string", description: "until clients have it", default: "0ms", unit: "duration" },
        brokerLost: { type: "string", description: "nothing is heard from then on", default: "never", unit: "duration" },
        shareFailures: {
          type: "string",
          description:
            "a server's node tells that it refuses connections within this and --age-delay, and that it takes them again; or never",
          default: "1ms",
          unit: "duration",
        },
        piggyback: {
          type: "string",
          description: "who has the server's state with answers; c3's rule needs it",
          choices: ["c3", "all", "none"],
          default: "c3",
        },
        probes: {
          type: "string",
          description: "who answers probes: the server, or the node's table of reports, as in nicd; what comes with answers likewise",
          choices: ["network", "table"],
          default: "network",
        },
        probeDelay: { type: "string", description: "one way of a probe", default: "250us", unit: "duration" },
        probeCost: { type: "string", description: "work of a server for each probe", default: "0ms", unit: "duration" },
        crash: {
          type: "array",
          description: "a server goes down; for= forever unless given, how= refused or silent",
          unit: "server=,at=,for=,how=,drain=",
        },
        rollingRestart: { type: "string", description: "all servers, one after the other", unit: "at=,every=,down=,drain=" },
        timeout: { type: "string", description: "after which silence is a failure", default: "1s", unit: "duration" },
        retries: { type: "number", description: "further tries of a request that failed", default: 0 },
        seconds: { type: "number", description: "simulated time of a run", default: 30, unit: "s" },
        warmUp: { type: "number", description: "of that, not counted", default: 3, unit: "s" },
        seed: { type: "number", description: "the same seed gives the same figures", default: 1 },
        runs: { type: "number", description: "runs of each, with seeds one after the other", default: 1 },
        draw: { type: "string", description: "draw the curves; - is stdout", unit: "path.svg" },
        figure: { type: "string", description: "what is drawn", choices: responseNames, default: "p99" },
      },
      load: () => import("./commands/simulate.ts"),
    }),
  ],
};

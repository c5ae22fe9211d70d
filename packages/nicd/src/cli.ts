/** nicd's commands: nouns read, verbs change. @module */
import { command, daemonOptions, type Option, type Options, type Program } from "@mitsu/cli";

const folder = {
  type: "string",
  description: "folder with tls.crt, tls.key and ca.crt",
  default: "/var/lib/mitsu/nicd",
  unit: "path",
} as const satisfies Option;
const authority = {
  type: "string",
  description: "folder of the authority",
  default: "/var/lib/mitsu/ca",
  unit: "path",
} as const satisfies Option;
const days = { type: "number", description: "how long it is valid", unit: "days" } as const satisfies Option;
const watch = {
  watch: { type: "boolean", description: "redraw until interrupted" },
  intervalMs: { type: "number", description: "between two redraws", default: 1000, unit: "ms" },
} as const satisfies Options;

const serving = {
  listen: { type: "array", description: "take connections for --route, or for a service of the mesh file", unit: "address:port[=service]" },
  route: { type: "array", description: "where requests go: [host][/path]=target,…, or targets alone for all", unit: "match=address:port" },
  tracing: { type: "string", description: "whether requests of --route are traced", choices: ["on", "off"], default: "on" },
  sockhijack: {
    type: "string",
    description: "control socket of sockhijack, from which callers and what they asked for are learnt; off for none",
    default: "/run/mitsu/sockhijack.sock",
    unit: "path",
  },
  replicad: {
    type: "string",
    description: "control socket of replicad, whose reports beside it say how busy replicas are; off for none",
    default: "/run/mitsu/replicad.sock",
    unit: "path",
  },
  channel: { type: "string", description: "where sockhijack sends connections to", default: "127.0.0.1:15001", unit: "address:port" },
  node: { type: "string", description: "name of this node in the mesh file; the host's name unless given", unit: "name" },
  certificates: folder,
  filters: {
    type: "string",
    description: "folder that keeps pushed filters",
    default: "/var/lib/mitsu/nicd/filters",
    unit: "path",
  },
  linkListen: {
    type: "string",
    description: "where other nodes' links come in; the mesh file's port unless given",
    default: "off",
    unit: "address[:port]",
  },
  workers: { type: "number", description: "processes that share the listeners", default: 1 },
  otlp: { type: "string", description: "export spans by OTLP/HTTP; OTEL_EXPORTER_OTLP_ENDPOINT unless given", unit: "URL" },
  otlpRate: {
    type: "number",
    description: "spans exported at most; above it traces are thinned out as a whole",
    default: 5000,
    unit: "spans/s",
  },
  accessLog: { type: "string", description: "a line of JSON for each request; - is stdout", unit: "path" },
  accessLogShare: { type: "number", description: "share of the traces that are logged, 0 to 1", default: 1 },
} as const satisfies Options;

/** The program `nicd`. */
export const nicd: Program = {
  name: "nicd",
  version: "0.1.0",
  summary: "the mesh on the NIC",
  description:
    "Routes, retries, limits, authorises and traces the requests of unmodified programs, once for a node, and carries them to other nodes over one mutual TLS link each. With sockhijack, connections come past the TCP stack; without, nicd listens as any proxy does.",
  examples: [
    { command: "nicd daemon --sockhijack off --listen 127.0.0.1:8080 --route 127.0.0.1:9000", does: "alone, as a proxy that traces" },
    { command: "nicd daemon --link-listen 0.0.0.0", does: "the node's mesh, with /etc/mitsu/mesh.yaml" },
    { command: "nicd top", does: "who asks whom, how often, how fast" },
  ],
  options: daemonOptions("nicd"),
  commands: [
    command({
      name: "daemon",
      summary: "carry the node's requests",
      description:
        "SIGHUP reads the mesh file and certificates again; a bad file is refused whole. SIGTERM lets requests end, for 10 s at most.",
      examples: [
        { command: "nicd daemon", does: "with /etc/mitsu/mesh.yaml, connections from sockhijack" },
        {
          command: "nicd daemon --listen 127.0.0.1:8080 --route /api=10.0.0.1:80,10.0.0.2:80 --route 127.0.0.1:9000",
          does: "two routes, and a mesh besides",
        },
        { command: "nicd daemon --workers 2 --metrics 127.0.0.1:9102 --access-log /var/log/mitsu/access.log", does: "on two cores" },
      ],
      options: { ...serving, metrics: { type: "string", description: "serve Prometheus metrics over HTTP", unit: "address:port" } },
      load: () => import("./daemon.ts"),
    }),
    command({
      name: "worker",
      summary: "one of several processes of a daemon",
      examples: [{ command: "nicd worker --socket /tmp/n.0", does: "is started by the daemon, not by people" }],
      hidden: true,
      options: serving,
      load: async () => {
        const { runWorker } = await import("./daemon.ts");
        return { run: (args, context) => runWorker({ ...args, metrics: undefined }, context) };
      },
    }),
    command({
      name: "status",
      summary: "what runs, what it carries, and what is wrong",
      examples: [{ command: "nicd status", does: "exit status 69 when something is degraded" }],
      load: async () => ({ run: (await import("./commands/show.ts")).status }),
    }),
    command({
      name: "routes",
      summary: "routes and authorisation rules in force",
      examples: [{ command: "nicd routes --service cart", does: "those of one service" }],
      options: { service: { type: "string", description: "only this service's", unit: "name" } },
      load: async () => ({ run: (await import("./commands/show.ts")).routes }),
    }),
    command({
      name: "clusters",
      summary: "services as nicd calls them: replicas, load, ejections",
      examples: [{ command: "nicd clusters --watch", does: "redrawn every second" }],
      options: { service: { type: "string", description: "only this one", unit: "name" }, ...watch },
      load: async () => ({ run: (await import("./commands/show.ts")).clusters }),
    }),
    command({
      name: "links",
      summary: "links to and from other nodes",
      examples: [{ command: "nicd links", does: "their state, streams, bytes and round-trip times" }],
      load: async () => ({ run: (await import("./commands/show.ts")).links }),
    }),
    command({
      name: "filters",
      summary: "filters in WebAssembly: what runs, what it costs, what is tried out",
      examples: [{ command: "nicd filters", does: "their state, calls, fuel, traps, and the last roll-out" }],
      load: async () => ({ run: (await import("./commands/show.ts")).filters }),
    }),
    command({
      name: "top",
      summary: "who asks whom at this moment: requests, errors, times",
      examples: [
        { command: "nicd top", does: "redrawn every second on a terminal, else once" },
        { command: "nicd top --json", does: "one reading over a second" },
      ],
      options: { intervalMs: { type: "number", description: "over which rates are taken", default: 1000, unit: "ms" } },
      load: () => import("./commands/top.ts"),
    }),
    command({
      name: "trace",
      summary: "requests as they called each other",
      examples: [
        { command: "nicd trace --limit 3", does: "the last three traces as trees" },
        { command: "nicd trace 4bf92f3577b34da6a3ce929d0e0e4736", does: "one of them" },
      ],
      options: {
        service: { type: "string", description: "only traces that pass this service", unit: "name" },
        minMs: { type: "number", description: "only traces that take at least this long", unit: "ms" },
        limit: { type: "number", description: "the last so many", default: 10 },
      },
      positionals: [{ name: "id", description: "a trace's id" }],
      load: () => import("./commands/trace.ts"),
    }),
    command({
      name: "metrics",
      summary: "metrics in Prometheus' text format",
      examples: [{ command: "nicd metrics | grep istio_requests_total", does: "without a listener" }],
      load: async () => ({ run: (await import("./commands/show.ts")).metrics }),
    }),
    command({
      name: "reload",
      summary: "read the mesh file and certificates again",
      examples: [{ command: "nicd reload", does: "as SIGHUP, and says what is wrong" }],
      load: async () => ({ run: (await import("./commands/show.ts")).reload }),
    }),
    command({
      name: "ca init",
      summary: "make a small certificate authority",
      description: "For people who have none. Keep its folder on one machine; nodes only need certificates issued by it.",
      examples: [{ command: "nicd ca init --trust-domain default.mesh", does: "into /var/lib/mitsu/ca" }],
      options: {
        authority,
        trustDomain: {
          type: "string",
          description: "of the SPIFFE ids; the mesh's name and .mesh unless the mesh file says otherwise",
          default: "default.mesh",
          unit: "name",
        },
        days,
      },
      load: async () => ({ run: (await import("./commands/certificates.ts")).caInit }),
    }),
    command({
      name: "ca show",
      summary: "what an authority is",
      examples: [{ command: "nicd ca show", does: "its trust domain and how long it is valid" }],
      options: { authority },
      load: async () => ({ run: (await import("./commands/certificates.ts")).caShow }),
    }),
    command({
      name: "cert issue",
      summary: "issue a node's or a service's certificate",
      examples: [
        { command: "nicd cert issue --node node-a", does: "for this node's links" },
        { command: "nicd cert issue --service cart --certificates /tmp/cart", does: "a service's, for programs that do TLS themselves" },
      ],
      options: {
        authority,
        certificates: folder,
        node: { type: "string", description: "a node's name", unit: "name" },
        service: { type: "string", description: "a service's name", unit: "name" },
        days,
      },
      load: async () => ({ run: (await import("./commands/certificates.ts")).certIssue }),
    }),
    command({
      name: "cert show",
      summary: "what the certificate in a folder is for, and until when",
      examples: [{ command: "nicd cert show", does: "exit status 69 when it is over" }],
      options: { certificates: folder },
      load: async () => ({ run: (await import("./commands/certificates.ts")).certShow }),
    }),
    command({
      name: "cert rotate",
      summary: "issue the same certificate anew; a running daemon takes it over without losing a stream",
      examples: [{ command: "nicd cert rotate", does: "from a timer, every few hours" }],
      options: { authority, certificates: folder, days },
      load: async () => ({ run: (await import("./commands/certificates.ts")).certRotate }),
    }),
    command({
      name: "cert trust",
      summary: "trust a further authority",
      description:
        "To change authorities: trust the new one on every node, rotate every certificate with it, then take the old one out of ca.crt.",
      examples: [{ command: "nicd cert trust /tmp/new-ca/ca.crt", does: "beside those trusted already" }],
      options: { certificates: folder },
      positionals: [{ name: "file", description: "its certificate in PEM", required: true }],
      load: async () => ({ run: (await import("./commands/certificates.ts")).certTrust }),
    }),
    command({
      name: "cleanup",
      summary: "end the daemon and remove what it left",
      examples: [{ command: "nicd cleanup", does: "its sockets; certificates stay" }],
      load: async () => ({ run: (await import("./commands/cleanup.ts")).run }),
    }),
  ],
};

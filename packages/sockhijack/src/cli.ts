/** sockhijack's commands: nouns read, verbs change. @module */
import { command, daemonOptions, type Option, type Program } from "@mitsu/cli";

const redirect = {
  type: "string",
  description: "whether its sockets are redirected past TCP",
  choices: ["auto", "on", "off"],
} as const satisfies Option;
const service = {
  type: "string",
  description: "name, and the ports it serves: web, web:8080, web:80:8080, dns:53/udp",
  unit: "name[:port]",
  required: true,
} as const satisfies Option;
const tracing = {
  type: "string",
  description: "trace its HTTP requests: header shows called programs a traceparent, side-band changes no byte",
  choices: ["off", "side-band", "header"],
} as const satisfies Option;
const sampling = {
  type: "number",
  description: "share of the traces beginning there that are told to the back end, 0 to 1",
  default: 1,
} as const satisfies Option;
const pins = { type: "string", description: "folder in a bpffs for kernel state", unit: "path" } as const satisfies Option;
const state = { type: "string", description: "folder for state on disk", unit: "path" } as const satisfies Option;

/** The program `sockhijack`. */
export const sockhijack: Program = {
  name: "sockhijack",
  version: "0.1.0",
  summary: "couples unmodified programs through the kernel",
  description:
    "Programs keep using sockets; those of one machine are connected to each other past the TCP stack, services are found by name, and policies hold, without a proxy.",
  examples: [
    { command: "sockhijack run --service web:8080 -- nginx -g 'daemon off;'", does: "start nginx as the service web" },
    { command: "sockhijack run --service client -- curl http://web.mesh:8080/", does: "reach it by name" },
    { command: "sockhijack flows --watch", does: "see what is redirected, and why the rest is not" },
  ],
  options: daemonOptions("sockhijack"),
  commands: [
    command({
      name: "daemon",
      summary: "load the kernel programs and watch over connections",
      description: "Kernel state is pinned: when the daemon ends, what is coupled stays coupled; the next one takes over. See cleanup.",
      examples: [
        { command: "sockhijack daemon", does: "with /etc/mitsu/mesh.yaml, if it is there" },
        { command: "sockhijack daemon --socket /tmp/s.sock --metrics 127.0.0.1:9101", does: "a second one, with a metrics listener" },
      ],
      options: {
        metrics: { type: "string", description: "serve Prometheus metrics over HTTP", unit: "address:port" },
        otlp: { type: "string", description: "export spans by OTLP/HTTP; OTEL_EXPORTER_OTLP_ENDPOINT unless given", unit: "URL" },
        otlpRate: {
          type: "number",
          description: "spans exported at most; above it traces are thinned out as a whole",
          default: 5000,
          unit: "spans/s",
        },
        domain: { type: "string", description: "services are resolved as NAME.DOMAIN", default: "mesh", unit: "name" },
        rules: {
          type: "string",
          description: "deny what these rules deny, too: a file of `meshfilters build`; read again on SIGHUP",
          unit: "path",
        },
        selftest: {
          type: "string",
          description: "whether to prove at start that this kernel redirects faithfully; the verdict is kept",
          choices: ["auto", "off"],
          default: "auto",
        },
        pins,
        state,
        ephemeral: { type: "boolean", description: "clean up and end with the last program started by run" },
      },
      load: () => import("./daemon.ts"),
    }),
    command({
      name: "run",
      summary: "start a program as a part of a service",
      description: "Starts a daemon when none runs. The program takes the place of this process: its exit status and signals are its own.",
      examples: [
        { command: "sockhijack run --service web:8080 -- nginx -g 'daemon off;'", does: "a server" },
        { command: "sockhijack run --service client -- curl http://web.mesh:8080/", does: "a client" },
      ],
      options: { service, redirect, tracing, sampling },
      passthrough: "command…",
      load: () => import("./commands/run.ts"),
    }),
    command({
      name: "attach",
      summary: "make what runs already a part of a service",
      description: "The target is a cgroup path, a systemd unit, pid:N, or a container's id.",
      examples: [
        { command: "sockhijack attach nginx.service --service web:80", does: "a unit" },
        { command: "sockhijack attach pid:4711 --service web:80", does: "a process; its open connections too" },
      ],
      options: { service, redirect, tracing, sampling },
      positionals: [{ name: "target", description: "cgroup, unit, pid:N or container", required: true }],
      load: async () => ({ run: (await import("./commands/change.ts")).attach }),
    }),
    command({
      name: "detach",
      summary: "return a service's sockets to plain TCP and let it go",
      examples: [{ command: "sockhijack detach web", does: "all its cgroups; open connections go on without a lost byte" }],
      positionals: [{ name: "target", description: "service, cgroup, unit, pid:N or container", required: true }],
      load: async () => ({ run: (await import("./commands/change.ts")).detach }),
    }),
    command({
      name: "services",
      summary: "services, their addresses and replicas",
      examples: [{ command: "sockhijack services --json", does: "for a script" }],
      load: async () => ({ run: (await import("./commands/show.ts")).services }),
    }),
    command({
      name: "flows",
      summary: "open connections, and how each is carried",
      examples: [
        { command: "sockhijack flows --watch", does: "redrawn every second" },
        { command: "sockhijack flows --service web --json", does: "those of one service" },
      ],
      options: {
        service: { type: "string", description: "only flows with this service at either end", unit: "name" },
        watch: { type: "boolean", description: "redraw until interrupted" },
        intervalMs: { type: "number", description: "between two redraws", default: 1000, unit: "ms" },
      },
      load: () => import("./commands/flows.ts"),
    }),
    command({
      name: "explain",
      summary: "say why a connection is or is not redirected",
      examples: [{ command: "sockhijack explain 127.0.0.1:41234", does: "by one of its ends" }],
      positionals: [{ name: "flow", description: "port, address:port, service, or two of them", required: true }],
      load: async () => ({ run: (await import("./commands/flows.ts")).explain }),
    }),
    command({
      name: "matrix",
      summary: "traffic between services",
      examples: [{ command: "sockhijack matrix --json", does: "as placer reads it" }],
      load: async () => ({ run: (await import("./commands/show.ts")).matrix }),
    }),
    command({
      name: "graph",
      summary: "who talks to whom at this moment, as text or as a picture",
      description: "Rates are of the time between two readings; colours say what is redirected past TCP and what a policy denied.",
      examples: [
        { command: "sockhijack graph", does: "as a tree, measured over a second" },
        { command: "sockhijack graph --format svg --seconds 5 > mesh.svg", does: "a picture for a browser, light or dark as it likes" },
        { command: "sockhijack graph --format dot | dot -Tpdf -o mesh.pdf", does: "by your own Graphviz" },
      ],
      options: {
        format: { type: "string", description: "how it is drawn", choices: ["text", "dot", "svg"], default: "text" },
        seconds: { type: "number", description: "between the two readings", default: 1, unit: "s" },
        watch: { type: "boolean", description: "redraw the text until interrupted" },
      },
      load: () => import("./commands/graph.ts"),
    }),
    command({
      name: "trace",
      summary: "requests as they called each other from service to service",
      description:
        "Services must be traced (--tracing). Each request stands below the one that caused it; the end says how many have a parent.",
      examples: [
        { command: "sockhijack trace --limit 3", does: "the last three" },
        { command: "sockhijack trace --follow --service cart --min-ms 50", does: "slow ones through cart, as they end" },
        { command: "sockhijack trace --json", does: "every time and size, for a script" },
      ],
      options: {
        follow: { type: "boolean", description: "print traces as they end, until interrupted", alias: "f" },
        service: { type: "string", description: "only traces that pass this service", unit: "name" },
        minMs: { type: "number", description: "only traces that take at least this long", unit: "ms" },
        limit: { type: "number", description: "the last so many, 10 unless given; with --follow, end after so many" },
      },
      load: () => import("./commands/trace.ts"),
    }),
    command({
      name: "policy check",
      summary: "say whether a service may connect to another",
      description: "Exit status 1 when it may not. Use - for a program that belongs to no service.",
      examples: [{ command: "sockhijack policy check --from web --to db --port 5432", does: "and by which rule" }],
      options: {
        from: { type: "string", description: "client service", required: true, unit: "name" },
        to: { type: "string", description: "server service", required: true, unit: "name" },
        port: { type: "number", description: "port at the virtual address", required: true },
      },
      load: async () => ({ run: (await import("./commands/change.ts")).policyCheck }),
    }),
    command({
      name: "tap",
      summary: "write redirected messages as pcapng, since tcpdump cannot see them",
      examples: [
        { command: "sockhijack tap web | wireshark -k -i -", does: "live" },
        { command: "sockhijack tap web --write web.pcapng --seconds 10", does: "into a file" },
      ],
      options: {
        write: { type: "string", description: "file to write; stdout unless given", unit: "path", alias: "w" },
        seconds: { type: "number", description: "end after this long", unit: "s" },
      },
      positionals: [{ name: "service", description: "service to tap", required: true }],
      load: () => import("./commands/tap.ts"),
    }),
    command({
      name: "resolve",
      summary: "what a service's name stands for",
      examples: [{ command: "sockhijack resolve web.mesh", does: "virtual addresses and replicas" }],
      positionals: [{ name: "name", description: "service, with or without the domain", required: true }],
      load: async () => ({ run: (await import("./commands/show.ts")).resolve }),
    }),
    command({
      name: "status",
      summary: "the daemon's state and the kernel's counters",
      examples: [{ command: "sockhijack status", does: "exit status 69 when something is degraded" }],
      load: async () => ({ run: (await import("./commands/show.ts")).status }),
    }),
    command({
      name: "metrics",
      summary: "metrics in Prometheus' text format",
      examples: [{ command: "sockhijack metrics | grep redirected", does: "without a listener" }],
      load: async () => ({ run: (await import("./commands/show.ts")).metrics }),
    }),
    command({
      name: "selftest",
      summary: "prove that this kernel redirects faithfully, or say what is refused",
      description: "Runs in network namespaces of its own, beside any daemon. Exit status 95 when redirect is unusable here.",
      examples: [{ command: "sockhijack selftest", does: "every check, afresh, in a fraction of a second" }],
      load: () => import("./selftest/command.ts"),
    }),
    command({
      name: "cleanup",
      summary: "return every socket to TCP and remove all kernel state",
      examples: [{ command: "sockhijack cleanup", does: "with or without a living daemon" }],
      options: { pins, state },
      load: () => import("./commands/cleanup.ts"),
    }),
  ],
};

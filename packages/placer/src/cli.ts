/** placer's commands: nouns read, verbs change. It is long because it is a table: each option stands where it is described. @module */
import { command, daemonOptions, type Option, type Options, type Program } from "@mitsu/cli";
import { strategyNames } from "./solve/strategy.ts";

const output = { type: "string", alias: "o", description: "where to write it; - is stdout", unit: "path" } as const satisfies Option;
const outputOrStdout = { ...output, default: "-" } as const satisfies Option;
const problemFile = { name: "problem", description: "the problem file, JSON or YAML; - is stdin", required: true } as const;
const planFile = { name: "plan", description: "the plan file", required: true } as const;
const problemOfPlan = {
  problem: { type: "string", alias: "p", description: "the problem file; the one the plan names unless given", unit: "path" },
} as const satisfies Options;

/** How a problem is read and solved. */
const solving = {
  maxUtilisation: { type: "number", description: "share of each capacity that may be used", default: 1, unit: "0 to 1" },
  reserve: {
    type: "string",
    description: "what a replica takes: what it requests, what was measured, or the larger of request and p95",
    choices: ["requests", "mean", "p95", "p99", "larger"],
    default: "requests",
  },
  weight: { type: "number", alias: "w", description: "balance against traffic: 0 is traffic alone, 1 balance alone", unit: "0 to 1" },
  deadline: { type: "number", alias: "d", description: "answer within", default: 15, unit: "s" },
  seed: { type: "number", description: "the same seed gives the same plan", default: 1 },
  workers: { type: "number", alias: "j", description: "threads; as many as there are cores unless given" },
} as const satisfies Options;

/** The program `placer`. */
export const placer: Program = {
  name: "placer",
  version: "0.1.0",
  summary: "places replicas on nodes by what they say to each other",
  description:
    "Measures who talks to whom and what everything uses, decides which node runs which replica so that services that talk sit together and no node is too full, says how near to the best that is, and carries it out with systemd, Compose, Nomad or Kubernetes. Needs no cluster manager.",
  examples: [
    { command: "placer profile --jaeger traces.json --nodes nodes.yaml -o problem.yaml", does: "what is measured, as a problem" },
    { command: "placer plan problem.yaml -o plan.json", does: "where everything should run, and why" },
    { command: "placer draw plan.json -o plan.svg", does: "a picture of before and after" },
    { command: "placer apply plan.json --to systemd --dry-run", does: "what would be written" },
  ],
  options: daemonOptions("placer"),
  commands: [
    command({
      name: "profile",
      summary: "measure traffic and demand, and write them as a problem",
      description:
        "Takes any of its sources together. Each edge keeps where it is known from; of two sources that tell of the same pair, the one that counts every message wins over the one that samples. What cannot be read is told with its place, and left out.",
      examples: [
        { command: "placer profile --sockhijack --seconds 60 -o problem.yaml", does: "what the kernel counts on this node, for a minute" },
        { command: "placer profile --jaeger traces.json --per-second 200 -o problem.yaml", does: "20 traces, at 200 of them each second" },
        { command: "tcpdump -w - | placer profile --pcap - -o problem.yaml", does: "flows between the catalog's addresses" },
        { command: "placer profile --cgroup web=/sys/fs/cgroup/web.service --seconds 30 -o problem.yaml", does: "what a unit uses" },
      ],
      options: {
        sockhijack: { type: "boolean", description: "the live matrix of sockhijack on this node" },
        sockhijackSocket: { type: "string", description: "its socket", default: "/run/mitsu/sockhijack.sock", unit: "path" },
        capture: { type: "string", description: "capture packets of an interface, through libpcap", unit: "interface" },
        pcap: { type: "array", description: "a file of packets, pcap or pcapng; - is stdin", unit: "path" },
        jaeger: { type: "array", description: "traces as Jaeger's JSON", unit: "path" },
        otlp: { type: "array", description: "traces as OTLP JSON, whole or one request a line", unit: "path" },
        cgroup: { type: "array", description: "what the processes of a cgroup use, v1 or v2", unit: "service=path" },
        seconds: { type: "number", description: "measure for", default: 10, unit: "s" },
        perSecond: { type: "number", description: "rate at which the traced requests arrive; the traces' own unless given", unit: "1/s" },
        problem: { type: "string", alias: "p", description: "start from this problem: nodes, rules, requests", unit: "path" },
        nodes: { type: "string", description: "file with a list of nodes, in the form of a problem's", unit: "path" },
        output: outputOrStdout,
      },
      load: () => import("./commands/profile.ts"),
    }),
    command({
      name: "import k8s",
      summary: "a problem from Kubernetes manifests",
      description:
        "Reads Deployments, StatefulSets, DaemonSets, Pods, Nodes and Lists of them: requests, node selectors, affinity, tolerations, topology spread. What it cannot take over is said.",
      examples: [
        { command: "kubectl get nodes,deployments,statefulsets,pods -o yaml | placer import k8s - -o problem.yaml", does: "a cluster" },
      ],
      options: {
        nodes: { type: "string", description: "file with a list of nodes, where the manifests have none", unit: "path" },
        output: outputOrStdout,
      },
      positionals: [{ name: "file", description: "manifests, YAML or JSON; - is stdin", required: true, variadic: true }],
      load: async () => ({ run: (await import("./commands/import.ts")).k8s }),
    }),
    command({
      name: "import compose",
      summary: "a problem from Compose files",
      description: "Reads services, replicas, reservations and limits. No traffic is read from depends_on, links or networks.",
      examples: [
        { command: "placer import compose compose.yaml --nodes nodes.yaml -o problem.yaml", does: "services, replicas, reservations" },
      ],
      options: { nodes: { type: "string", description: "file with a list of nodes", unit: "path" }, output: outputOrStdout },
      positionals: [{ name: "file", description: "Compose files; later ones override", required: true, variadic: true }],
      load: async () => ({ run: (await import("./commands/import.ts")).compose }),
    }),
    command({
      name: "import bytedance",
      summary: "a problem from a cluster that ByteDance published",
      description:
        "The form ServiceList, MachineList, TrafficList of bytedance/research-cluster-dataset. Resources are shares of the cluster; traffic has no unit there and is taken as messages a second of 0 bytes.",
      examples: [{ command: "placer import bytedance M1.json -o problem.json", does: "containers are replicas, machines nodes" }],
      options: { output: outputOrStdout },
      positionals: [{ name: "file", description: "the cluster's JSON; - is stdin", required: true }],
      load: async () => ({ run: (await import("./commands/import.ts")).bytedance }),
    }),
    command({
      name: "import jaeger",
      summary: "a problem from Jaeger's traces",
      description: "The same as profile --jaeger: services, what they say to each other, and the CPU time their spans bound.",
      examples: [
        { command: "placer import jaeger traces.json --per-second 200 --nodes nodes.yaml -o problem.yaml", does: "at 200 traces a second" },
      ],
      options: {
        nodes: { type: "string", description: "file with a list of nodes", unit: "path" },
        perSecond: { type: "number", description: "rate at which the traced requests arrive; the traces' own unless given", unit: "1/s" },
        output: outputOrStdout,
      },
      positionals: [{ name: "file", description: "traces as Jaeger's JSON; - is stdin", required: true, variadic: true }],
      load: async () => ({ run: (await import("./commands/import.ts")).jaeger }),
    }),
    command({
      name: "generate",
      summary: "a problem at random, for tries and benchmarks",
      examples: [
        { command: "placer generate industrial -o problem.json", does: "550 services, 96 nodes, 88 % of the CPU requested" },
        { command: "placer generate small --seed 7 --nodes 4 -o problem.json", does: "at most 30 services on 4 nodes" },
      ],
      options: {
        seed: { type: "number", description: "the same seed gives the same problem", default: 1 },
        nodes: { type: "number", description: "nodes; as the kind has it unless given" },
        services: { type: "number", description: "services" },
        replicas: { type: "number", description: "replicas of all services, about" },
        requested: { type: "number", description: "share of the CPU that is requested", unit: "0 to 1" },
        output: outputOrStdout,
      },
      positionals: [
        { name: "kind", description: "of which kind", required: true, choices: ["small", "social-network", "industrial", "huge"] },
      ],
      load: () => import("./commands/generate.ts"),
    }),
    command({
      name: "check",
      summary: "whether a problem file is in order, and can be solved at all",
      examples: [{ command: "placer check problem.yaml", does: "exit status 2 when the file is wrong, 1 when rules clash" }],
      options: { maxUtilisation: solving.maxUtilisation, reserve: solving.reserve },
      positionals: [problemFile],
      load: () => import("./commands/check.ts"),
    }),
    command({
      name: "plan",
      summary: "where every replica should run",
      description:
        "The objective is (1 − weight) × share of traffic between nodes + weight × imbalance, both 0 to 1, plus wishes that are not kept. Rules are always kept. When they clash, the smallest set that does is named.",
      examples: [
        { command: "placer plan problem.yaml -o plan.json", does: "the plan to a file, what it is worth to the terminal" },
        { command: "placer plan problem.json --deadline 15 --budget moves=1500 -o plan.json", does: "at most 1500 replicas move" },
        { command: "placer plan problem.yaml --strategy exact --deadline 60", does: "with proof, for small problems" },
        { command: "placer plan problem.yaml --sweep --draw front.svg", does: "balance against traffic, all of the front" },
      ],
      options: {
        strategy: { type: "string", alias: "s", description: "how", choices: strategyNames, default: "mitsu" },
        ...solving,
        budget: { type: "string", description: "the most that may move", unit: "moves=N or bytes=B" },
        sweep: { type: "boolean", description: "the Pareto front of balance and traffic, a plan for each point" },
        draw: { type: "string", description: "draw the front, or the gain curve of --budget", unit: "path.svg" },
        balancedAllocation: {
          type: "string",
          description: "of the strategy kubernetes: which BalancedAllocation",
          choices: ["1.35", "1.36"],
          default: "1.36",
        },
        output,
      },
      positionals: [problemFile],
      load: () => import("./commands/plan.ts"),
    }),
    command({
      name: "explain",
      summary: "why a replica is where it is",
      description: "What it gains there, what it would gain or break on every other node.",
      examples: [{ command: "placer explain web-0 --plan plan.json", does: "one replica against every node" }],
      options: { plan: { type: "string", description: "the plan file", default: "plan.json", unit: "path" }, ...problemOfPlan },
      positionals: [{ name: "replica", description: "its name; all, shortly, unless given" }],
      load: () => import("./commands/explain.ts"),
    }),
    command({
      name: "compare",
      summary: "plans and the present placement beside each other",
      examples: [{ command: "placer compare mitsu.json kubernetes.json", does: "traffic, balance, checks, moves" }],
      options: problemOfPlan,
      positionals: [{ name: "plan", description: "plan files, of one problem", required: true, variadic: true }],
      load: () => import("./commands/compare.ts"),
    }),
    command({
      name: "apply",
      summary: "carry a plan out",
      description:
        "Writes drop-ins, slices or manifests for one node or all, and the order of moves in which no node is ever over its capacity. Every file is replaced whole, and what was there is kept for rollback. systemd's files are verified with systemd-analyze first.",
      examples: [
        { command: "placer apply plan.json --to systemd --dry-run", does: "what would be written, and nothing is" },
        { command: "placer apply plan.json --to systemd --node n1", does: "this node's part, as root" },
        { command: "placer apply plan.json --to k8s --directory patches", does: "patches for kubectl" },
      ],
      options: {
        to: { type: "string", description: "what carries it out", choices: ["systemd", "compose", "nomad", "k8s"], required: true },
        dryRun: { type: "boolean", alias: "n", description: "print, write nothing" },
        node: { type: "string", description: "only this node's part; systemd wants it, and takes this host's name", unit: "name" },
        directory: { type: "string", description: "where files go; systemd's own, else this folder, unless given", unit: "path" },
        state: { type: "string", description: "where what was replaced is kept", default: "/var/lib/mitsu/placer", unit: "path" },
        unit: { type: "string", description: "unit of a replica", default: "{replica}.service", unit: "pattern" },
        cpuset: { type: "boolean", description: "give each application cores of its own (AllowedCPUs, cpuset)" },
        ...problemOfPlan,
      },
      positionals: [planFile],
      load: () => import("./commands/apply.ts"),
    }),
    command({
      name: "rollback",
      summary: "undo the last apply",
      examples: [{ command: "placer rollback", does: "every file as it was before" }],
      options: {
        dryRun: { type: "boolean", alias: "n", description: "print, write nothing" },
        force: { type: "boolean", description: "files that were edited since too; the edited copy is kept beside" },
        state: { type: "string", description: "where what was replaced is kept", default: "/var/lib/mitsu/placer", unit: "path" },
      },
      load: () => import("./commands/rollback.ts"),
    }),
    command({
      name: "draw",
      summary: "a picture of a plan: before and after",
      examples: [
        { command: "placer draw plan.json -o plan.svg", does: "for documents" },
        { command: "placer draw plan.json -o plan.html", does: "for browsers: hover over services and edges" },
      ],
      options: {
        output: { ...output, description: "where to write it; the name's end says the form", required: true, unit: "path.svg or .html" },
        ...problemOfPlan,
      },
      positionals: [planFile],
      load: () => import("./commands/draw.ts"),
    }),
    command({
      name: "simulate",
      summary: "predict response times of a plan against the request rate",
      description:
        "Discrete events: requests walk the graph of services, wait for workers and cores, and pay for each message. A model comes from placer calibrate, or is written by hand. Outside of what it was calibrated for, nothing is predicted unless --extrapolate says so.",
      examples: [
        { command: "placer simulate plan.json --model model.json --rate 100..1000:100", does: "ten rates" },
        {
          command: "placer simulate plan.json other.json --model model.json --rate 500 --draw curves.svg",
          does: "two plans beside each other",
        },
      ],
      options: {
        model: {
          type: "string",
          alias: "m",
          description: "model of the services: paths, service times, workers",
          required: true,
          unit: "path",
        },
        rate: { type: "string", alias: "r", description: "requests each second", required: true, unit: "N, A,B,C or from..to:step" },
        seconds: { type: "number", description: "simulated time for each rate", default: 30, unit: "s" },
        warmUp: { type: "number", description: "of that, not counted", default: 5, unit: "s" },
        seed: { type: "number", description: "the same seed gives the same figures", default: 1 },
        extrapolate: { type: "boolean", description: "predict outside of what was calibrated" },
        draw: { type: "string", description: "draw the curves", unit: "path.svg" },
        ...problemOfPlan,
      },
      positionals: [{ name: "plan", description: "plan files", required: true, variadic: true }],
      load: () => import("./commands/simulate.ts"),
    }),
    command({
      name: "calibrate",
      summary: "fit a model to measured runs",
      description:
        "Wants at least two runs, such as at 30 % and at 60 % of the load that the system bears: each a JSON file with the rate, the response times and where the replicas ran.",
      examples: [
        {
          command: "placer calibrate --model start.json -p problem.yaml --run low.json --run high.json -o model.json",
          does: "fits service times and message costs",
        },
      ],
      options: {
        model: { type: "string", alias: "m", description: "the model to begin with", required: true, unit: "path" },
        run: { type: "array", description: "a measured run", unit: "path" },
        problem: { type: "string", alias: "p", description: "the problem file", required: true, unit: "path" },
        seed: { type: "number", description: "the same seed gives the same model", default: 1 },
        output: outputOrStdout,
      },
      load: () => import("./commands/calibrate.ts"),
    }),
    command({
      name: "daemon",
      summary: "watch the traffic, and propose a new plan when it pays",
      description:
        "Reads sockhijack's matrix, keeps a decayed estimate, and proposes a plan when what it gains stays above the threshold for long enough. It carries nothing out. SIGHUP reads the problem again, or keeps the old one and says why.",
      examples: [
        {
          command: "placer daemon --problem /etc/mitsu/placement.yaml",
          does: "nodes, services and rules from there, traffic from the kernel",
        },
      ],
      options: {
        problem: {
          type: "string",
          alias: "p",
          description: "nodes, services and rules",
          default: "/etc/mitsu/placement.yaml",
          unit: "path",
        },
        sockhijackSocket: { type: "array", description: "sockets of sockhijacks; /run/mitsu/sockhijack.sock unless given", unit: "path" },
        interval: { type: "number", description: "between two readings", default: 5, unit: "s" },
        halfLife: { type: "number", description: "after which old traffic counts half", default: 300, unit: "s" },
        threshold: { type: "number", description: "propose when the objective would fall by", default: 0.05, unit: "0 to 1" },
        hold: { type: "number", description: "and would have for so long", default: 60, unit: "s" },
        state: {
          type: "string",
          description: "where the estimate and the proposal survive a restart",
          default: "/var/lib/mitsu/placer",
          unit: "path",
        },
        metrics: { type: "string", description: "serve Prometheus metrics over HTTP", unit: "address:port" },
        maxUtilisation: solving.maxUtilisation,
        reserve: solving.reserve,
        weight: solving.weight,
        budget: { type: "string", description: "the most that a proposal may move", unit: "moves=N or bytes=B" },
      },
      load: () => import("./watch/daemon.ts"),
    }),
    command({
      name: "status",
      summary: "what the daemon sees, what it proposes, and what is wrong",
      examples: [{ command: "placer status", does: "exit status 69 when something is degraded" }],
      load: async () => ({ run: (await import("./commands/show.ts")).status }),
    }),
    command({
      name: "proposal",
      summary: "the plan that the daemon proposes",
      examples: [{ command: "placer proposal -o plan.json && placer apply plan.json --to systemd", does: "takes it" }],
      options: { output: outputOrStdout },
      load: async () => ({ run: (await import("./commands/show.ts")).proposal }),
    }),
    command({
      name: "traffic",
      summary: "the daemon's estimate of who says how much to whom",
      examples: [{ command: "placer traffic --watch", does: "redrawn every second" }],
      options: {
        watch: { type: "boolean", description: "redraw until interrupted" },
        intervalMs: { type: "number", description: "between two redraws", default: 1000, unit: "ms" },
      },
      load: async () => ({ run: (await import("./commands/show.ts")).traffic }),
    }),
    command({
      name: "metrics",
      summary: "metrics in Prometheus' text format",
      examples: [{ command: "placer metrics | grep mitsu_placer", does: "without a listener" }],
      load: async () => ({ run: (await import("./commands/show.ts")).metrics }),
    }),
    command({
      name: "reload",
      summary: "have the daemon read the problem again",
      description: "As SIGHUP does. A problem that is wrong is refused whole, and the old one stays.",
      examples: [
        {
          command: "placer apply plan.json --to systemd && placer reload",
          does: "once assignment in the problem says where replicas run now",
        },
      ],
      load: async () => ({ run: (await import("./commands/show.ts")).reload }),
    }),
    command({
      name: "cleanup",
      summary: "end the daemon and remove what it left",
      examples: [{ command: "placer cleanup", does: "its socket and its estimate; plans and units stay" }],
      options: {
        state: { type: "string", description: "where the daemon keeps its estimate", default: "/var/lib/mitsu/placer", unit: "path" },
      },
      load: async () => ({ run: (await import("./commands/cleanup.ts")).run }),
    }),
  ],
};

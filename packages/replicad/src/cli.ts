/** replicad's commands: nouns read, verbs change. @module */
import { command, daemonOptions, type Program } from "@mitsu/cli";
import { responseNames } from "./simulate/outcome.ts";

/** The program `replicad`. */
export const replicad: Program = {
  name: "replicad",
  version: "0.1.0",
  summary: "finds the right replica at the moment a request arrives",
  description: "Compares ways to choose a replica by simulation. The daemon that learns how busy replicas are does not exist yet.",
  examples: [
    { command: "replicad simulate --load 0.3..1.1:0.2 --draw curves.svg", does: "all policies against the load" },
    { command: "replicad policies", does: "what there is, from where, with which options" },
  ],
  options: { json: daemonOptions("replicad").json },
  commands: [
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
          description: "one way of requests and answers: a duration, or a kind as for --service",
          default: "0ms",
          unit: "duration",
        },
        age: { type: "string", description: "servers tell their state so often, or never", default: "1ms", unit: "duration" },
        quiet: {
          type: "string",
          description: "and so seldom while nothing changes there; never more seldom unless given",
          default: "0ms",
          unit: "duration",
        },
        ageDelay: { type: "string", description: "until clients have it", default: "0ms", unit: "duration" },
        brokerLost: { type: "string", description: "nothing is heard from then on", default: "never", unit: "duration" },
        shareFailures: {
          type: "string",
          description: "a client that is refused tells all others within",
          default: "never",
          unit: "duration",
        },
        piggyback: {
          type: "string",
          description: "who has the server's state with answers; c3's rule needs it",
          choices: ["c3", "all", "none"],
          default: "c3",
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

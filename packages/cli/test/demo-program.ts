/** A small program that has one command of each kind, for the tests of the frame. @module */
import { command, daemonOptions, MitsuError, type Program } from "../src/mod.ts";

const example = [{ command: "demo ping web", does: "ask web" }];

/** Commands: `ping`, `policy check`, `policy show`, `run`, `fail`, `lazy`, and a hidden one. */
export const demo: Program = {
  name: "demo",
  version: "1.2.3",
  summary: "shows the frame",
  examples: example,
  options: daemonOptions("demo"),
  commands: [
    command({
      name: "ping",
      summary: "ask a service whether it lives",
      examples: example,
      options: {
        timeoutMs: { type: "number", description: "give up after", default: 1000, unit: "ms" },
        service: { type: "array", description: "only these", alias: "s" },
        mode: { type: "string", description: "how to ask", choices: ["tcp", "udp"] },
        quiet: { type: "boolean", description: "say nothing" },
        output: { type: "string", description: "write here", unit: "path" },
      },
      positionals: [
        { name: "target", description: "its name", required: true },
        { name: "more", description: "further names", variadic: true },
      ],
      run: async (args, { env }) => {
        // The annotation is the test of the inference: it compiles only when the table's types come through.
        const typed: {
          readonly timeoutMs: number;
          readonly service: readonly string[];
          readonly mode: "tcp" | "udp" | undefined;
          readonly target: string;
        } = args;
        env.stdout.write(JSON.stringify(typed));
      },
    }),
    command({ name: "policy check", summary: "check the policy", examples: example, run: async () => 3 }),
    command({ name: "policy show", summary: "show the policy", examples: example, run: async () => {} }),
    command({
      name: "run",
      summary: "run a program as a service",
      examples: [{ command: "demo run --service web -- nginx", does: "run nginx as web" }],
      options: { service: { type: "string", description: "name:port", required: true } },
      passthrough: "command…",
      run: async ({ service }, { env, passthrough, socket }) => env.stdout.write(JSON.stringify({ service, passthrough, socket })),
    }),
    command({
      name: "fail",
      summary: "fail in a given way",
      examples: example,
      positionals: [{ name: "how", description: "the way", required: true, choices: ["mitsu", "plain", "cause"] }],
      run: async ({ how }) => {
        if (how === "plain") throw new Error("it broke");
        if (how === "cause") throw new Error("it broke", { cause: new Error("the disk is full") });
        throw new MitsuError("no such cgroup", { code: "ERR_CGROUP_MISSING", hint: "start the unit first", exit: 65 });
      },
    }),
    command({
      name: "lazy",
      summary: "load when run",
      examples: example,
      load: async () => ({ run: async (_args, { env }) => env.stdout.write("late") }),
    }),
    command({ name: "secret", summary: "not shown", examples: example, hidden: true, run: async () => {} }),
  ],
};

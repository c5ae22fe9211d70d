/** wrk as Debian ships it, as a steady load whose every answer is checked. @module */
import { readFileSync } from "node:fs";
import type { Namespace } from "./namespace.ts";
import type { Program } from "./program.ts";
import type { Sandbox } from "./sandbox.ts";
import { until } from "./until.ts";

/** What wrk counted. */
export interface LoadReport {
  readonly requests: number;
  /** Answers whose body or status was not the expected one. */
  readonly wrong: number;
  readonly socketErrors: { readonly connect: number; readonly read: number; readonly write: number; readonly timeout: number };
  readonly text: string;
}

const script = `local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args) expected = args[1]; wrong = 0 end
function response(status, headers, body) if status ~= 200 or body ~= expected then wrong = wrong + 1 end end
function done(summary)
  local wrong = 0
  for _, thread in ipairs(threads) do wrong = wrong + thread:get("wrong") end
  local e = summary.errors
  io.write(string.format("REPORT %d %d %d %d %d %d\\n", summary.requests, wrong + e.status, e.connect, e.read, e.write, e.timeout))
end
`;

/** A load that runs until it is told to stop. */
export class Load {
  readonly program: Program;

  /**
   * @param service Service that wrk belongs to; `client` unless told.
   * @param body What every answer must be.
   */
  constructor(
    sandbox: Sandbox,
    {
      service = "client",
      url,
      body,
      connections = 16,
      seconds = 60,
      cgroup,
      within,
      tracing,
      sampling,
    }: {
      readonly service?: string;
      readonly url: string;
      readonly body: string;
      readonly connections?: number;
      readonly seconds?: number;
      /** Runs wrk in this cgroup in place of `run`. */
      readonly cgroup?: string;
      readonly within?: Namespace;
      readonly tracing?: "off" | "side-band" | "header" | undefined;
      readonly sampling?: number | undefined;
    },
  ) {
    const file = sandbox.file("wrk.lua", script);
    // Nicer than those who watch and change what it runs on: it takes what is left of the cores, which is plenty, and the test is over sooner.
    const command = ["nice", "-n", "5", "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "5s", "-s", file, url, "--", body];
    this.program = cgroup === undefined ? sandbox.run(service, command, { within, tracing, sampling }) : sandbox.inCgroup(cgroup, command);
  }

  /** Waits until wrk holds this many connections to a port: whether sockhijack knows of them or not. */
  async connected(port: number, count: number): Promise<void> {
    const established = new RegExp(` [0-9A-F]{8}:[0-9A-F]{4} [0-9A-F]{8}:${port.toString(16).toUpperCase().padStart(4, "0")} 01 `, "g");
    await until(`wrk holds ${count} connections`, () => [...readFileSync("/proc/net/tcp", "utf8").matchAll(established)].length >= count);
  }

  /** Interrupts wrk, which then reports; or waits for its end when it was given its time. */
  async report({ interrupt = true }: { readonly interrupt?: boolean } = {}): Promise<LoadReport> {
    if (interrupt) this.program.child.kill("SIGINT");
    const { stdout, stderr } = await this.program.ended;
    const found = /^REPORT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout);
    if (!found) throw new Error(`wrk gave no report: ${stdout}${stderr}`);
    const [requests, wrong, connect, read, write, timeout] = found.slice(1).map(Number) as [number, number, number, number, number, number];
    return { requests, wrong, socketErrors: { connect, read, write, timeout }, text: stdout };
  }
}

/** What a report must say when nothing was lost. */
export const flawless: Pick<LoadReport, "wrong" | "socketErrors"> = {
  wrong: 0,
  socketErrors: { connect: 0, read: 0, write: 0, timeout: 0 },
};

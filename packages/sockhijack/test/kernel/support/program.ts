/** A program that a test has started. @module */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { until } from "./until.ts";

/** How a program ended, and all it wrote. */
export interface Ending {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program is started with. */
export interface ProgramOptions {
  /** Written to its stdin, which is then closed; without it stdin is `/dev/null`. "open" leaves a pipe open. */
  readonly input?: string | undefined;
  /** Added to this process' environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * A child process whose output is kept.
 *
 * @example
 * ```ts
 * const server = new Program(["nc", "-lvp", "0"]);
 * const [, port] = await server.says(/Listening on \S+ (\d+)/);
 * ```
 */
export class Program {
  readonly child: ChildProcess;
  /** Settles when it has ended and its output is read; never rejects. */
  readonly ended: Promise<Ending>;
  readonly #command: readonly string[];
  #stdout = "";
  #stderr = "";
  #ending: Ending | undefined;

  constructor(command: readonly string[], { input, env = {}, ...rest }: ProgramOptions = {}) {
    this.#command = command;
    const options: SpawnOptions = {
      ...rest,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    };
    this.child = spawn(command[0]!, command.slice(1), options);
    this.child.stdout!.setEncoding("utf8").on("data", (part: string) => {
      this.#stdout += part;
    });
    this.child.stderr!.setEncoding("utf8").on("data", (part: string) => {
      this.#stderr += part;
    });
    this.child.stdin?.on("error", () => {}); // it ended without reading all: its exit status says so
    if (input !== undefined && input !== "open") this.child.stdin!.end(input);
    this.ended = new Promise((resolve) => {
      const end = (status: number | null, signal: NodeJS.Signals | null): void => {
        this.#ending ??= { status, signal, stdout: this.#stdout, stderr: this.#stderr };
        resolve(this.#ending);
      };
      this.child.once("error", (error) => {
        this.#stderr += String(error);
        end(127, null);
      });
      this.child.once("close", end);
    });
  }

  /** Process id. */
  get pid(): number {
    return this.child.pid!;
  }
  /** What it wrote to stdout so far. */
  get stdout(): string {
    return this.#stdout;
  }
  /** What it wrote to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }
  /** False once it has ended. */
  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && this.#ending === undefined;
  }

  /** Waits until its stdout or stderr matches. @throws when it ends first, or after `timeoutMs`; with what it said. */
  async says(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    const match = await until(
      `${this.#command.join(" ")} says ${pattern}`,
      () => pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr) ?? (this.#ending ? null : undefined),
      { timeoutMs, seen: () => this.#stdout + this.#stderr },
    );
    if (!match) throw new Error(`${this.#command.join(" ")} ended before it said ${pattern}: ${this.#stdout}${this.#stderr}`);
    return match;
  }

  /** Waits for exit status 0 and returns its stdout. @throws with its stderr. */
  async succeeded(): Promise<string> {
    const { status, signal, stdout, stderr } = await this.ended;
    if (status !== 0) throw new Error(`${this.#command.join(" ")} ended with ${signal ?? status}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Sends a signal and waits until it has ended; SIGKILL follows after 5 s. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ending> {
    if (this.running) {
      this.child.kill(signal);
      const timer = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
      await (this.#ending ? this.ended : once(this.child, "exit").then(() => undefined));
      clearTimeout(timer);
    }
    // A grandchild may hold the pipes: what it writes is nobody's business any more.
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    return this.ended;
  }
}

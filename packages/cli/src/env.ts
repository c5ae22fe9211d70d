/** The outside world as one value: every effect of a command comes in through an {@link Env}, so that tests call commands in-process. @module */
import { readFileSync } from "node:fs";
import { exitStatus } from "./error.ts";

/** A text sink: a terminal, a pipe or a test's buffer. */
export interface OutputStream {
  /** Appends text as it is; no newline is added. A reader that went away is not an error. */
  readonly write: (text: string) => void;
  /** Whether a person is looking: colours, truncation and redraws are for terminals only. */
  readonly isTTY: boolean;
  /** Width in character cells; 80 where there is no terminal. */
  readonly columns: number;
  /** Height in lines; 24 where there is no terminal. */
  readonly rows: number;
}

/** Names of the signals a Mitsu process reacts to. */
export type SignalName = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGUSR1" | "SIGUSR2" | "SIGWINCH" | "SIGQUIT" | "SIGTSTP" | "SIGCONT";

/** Everything a command may touch besides its arguments. */
export interface Env {
  /** Data only. */
  readonly stdout: OutputStream;
  /** Logs, errors, progress. */
  readonly stderr: OutputStream;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly vars: Readonly<Record<string, string | undefined>>;
  readonly cwd: () => string;
  readonly pid: number;
  /** Wall clock, milliseconds since 1970. */
  readonly now: () => number;
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly nowNs: () => bigint;
  /** Calls `handler` at every such signal until the returned function is called. */
  readonly onSignal: (name: SignalName, handler: () => void) => () => void;
  /** Whole file as bytes. @throws the system's error (`ENOENT`, `EACCES`). */
  readonly readFile: (path: string) => Uint8Array;
  /** Ends the process at once, for the second Ctrl-C; everything else returns its exit status. */
  readonly exit: (status: number) => void;
}

function sink(stream: NodeJS.WriteStream): OutputStream {
  let guarded = false;
  return {
    write(text) {
      if (!guarded) {
        guarded = true;
        // `mitsu flows | head` closes our stdout early: that is the reader's right, so end quietly as `cat` does (128 + SIGPIPE).
        stream.on("error", (error: NodeJS.ErrnoException) => {
          if (stream !== process.stdout) {
            if (error.code !== "EPIPE") throw error;
            return;
          }
          if (error.code === "EPIPE") process.exit(141);
          // A full disk, most often: what was printed is not whole, and nothing else would say so.
          process.stderr.write(`cannot write to stdout: ${error.message}\n`);
          process.exit(exitStatus.failure);
        });
      }
      stream.write(text);
    },
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
  };
}

/**
 * The real process: its streams, clock, environment and signals.
 *
 * @example
 * ```ts
 * process.exitCode = await run(commands, process.argv.slice(2), systemEnv);
 * ```
 */
export const systemEnv: Env = {
  // Getters: opening process.stdout costs time, and a daemon may never write to it.
  get stdout() {
    stdout ??= sink(process.stdout);
    return stdout;
  },
  get stderr() {
    stderr ??= sink(process.stderr);
    return stderr;
  },
  get stdin() {
    return process.stdin;
  },
  vars: process.env,
  cwd: () => process.cwd(),
  pid: process.pid,
  now: () => Date.now(),
  nowNs: () => process.hrtime.bigint(),
  onSignal(name, handler) {
    process.on(name, handler);
    return () => process.off(name, handler);
  },
  readFile: (path) => readFileSync(path),
  exit: (status) => process.exit(status),
};
let stdout: OutputStream | undefined;
let stderr: OutputStream | undefined;

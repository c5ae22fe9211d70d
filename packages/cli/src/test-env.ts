/** An {@link Env} that records instead of acting, for tests that call a command in-process. @module */
import { readFileSync } from "node:fs";
import type { Env, SignalName } from "./env.ts";

/** What a test may set; the rest is a 80-column pipe at time 0 with an empty environment. */
export interface TestEnvOptions {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  readonly vars?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
  readonly pid?: number;
  /** Path → content; other paths are read from the disk. */
  readonly files?: Readonly<Record<string, string>>;
  readonly now?: () => number;
  readonly nowNs?: () => bigint;
}

/** An {@link Env} plus what a test looks at and turns. */
export interface TestEnv extends Env {
  /** Everything written to stdout so far. */
  readonly out: () => string;
  /** Everything written to stderr so far. */
  readonly err: () => string;
  /** Delivers a signal to the registered handlers; false if nobody listens. */
  readonly raise: (name: SignalName) => boolean;
  /** Statuses passed to `exit`, in order. */
  readonly exits: readonly number[];
}

/**
 * Makes an environment that captures output and takes signals from the test.
 *
 * @example
 * ```ts
 * const env = testEnv();
 * const status = await run(commands, ["status", "--json"], env);
 * JSON.parse(env.out());
 * ```
 */
export function testEnv(options: TestEnvOptions = {}): TestEnv {
  const written = { out: "", err: "" };
  const handlers = new Map<SignalName, Set<() => void>>();
  const exits: number[] = [];
  const sink = (name: "out" | "err") => ({
    write: (text: string) => {
      written[name] += text;
    },
    isTTY: options.isTTY ?? false,
    columns: options.columns ?? 80,
    rows: options.rows ?? 24,
  });
  return {
    stdout: sink("out"),
    stderr: sink("err"),
    stdin: (async function* () {
      if (options.stdin) yield Buffer.from(options.stdin);
    })(),
    vars: options.vars ?? {},
    cwd: () => options.cwd ?? "/",
    pid: options.pid ?? process.pid,
    now: options.now ?? (() => 0),
    nowNs: options.nowNs ?? (() => 0n),
    onSignal(name, handler) {
      const set = handlers.get(name) ?? new Set();
      handlers.set(name, set.add(handler));
      return () => set.delete(handler);
    },
    readFile: (path) => {
      const content = options.files?.[path];
      return content === undefined ? readFileSync(path) : Buffer.from(content);
    },
    exit: (status) => exits.push(status),
    out: () => written.out,
    err: () => written.err,
    raise(name) {
      const set = handlers.get(name);
      for (const handler of [...(set ?? [])]) handler();
      return (set?.size ?? 0) > 0;
    },
    exits,
  };
}

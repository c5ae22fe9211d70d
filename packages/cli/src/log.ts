/** Structured logs on stderr: text for people, JSON lines for machines, `<N>` priorities for the journal. @module */
import type { Env } from "./env.ts";

/** Levels from chatty to grave. */
export const logLevels = ["debug", "info", "warn", "error"] as const;
/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];
/** Key → value pairs of a log line; errors print as their message and code. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes log lines; `child` adds fields to all of them. */
export interface Log {
  readonly level: LogLevel;
  readonly debug: (message: string, fields?: LogFields) => void;
  readonly info: (message: string, fields?: LogFields) => void;
  readonly warn: (message: string, fields?: LogFields) => void;
  readonly error: (message: string, fields?: LogFields) => void;
  readonly child: (fields: LogFields) => Log;
}

/** How to write; see {@link createLog}. */
export interface LogOptions {
  /** Least level written; `info` unless told. */
  readonly level?: LogLevel;
  /** `text` on a terminal, `journal` when JOURNAL_STREAM is set, `json` when MITSU_LOG=json, else `text`. */
  readonly format?: "text" | "json" | "journal";
}

/** syslog(3) priorities, as sd-daemon(3) reads them. */
const priority = { debug: 7, info: 6, warn: 4, error: 3 } as const;
const colour = { debug: 90, info: 36, warn: 33, error: 31 } as const;

function plain(value: unknown): unknown {
  if (value instanceof Error) return { message: value.message, ...("code" in value ? { code: value.code } : {}) };
  return typeof value === "bigint" ? value.toString() : value;
}

function show(value: unknown): string {
  const bare = value instanceof Error ? value.message : plain(value);
  const text = typeof bare === "string" ? bare : (JSON.stringify(bare, (_key, inner) => plain(inner)) ?? "undefined");
  // Quoting keeps a field on its line: a value with a newline cannot forge a log line.
  return typeof bare === "string" && !/^[^\s"=\p{C}]+$/u.test(text) ? JSON.stringify(text) : text;
}

/**
 * Makes a logger on the environment's stderr.
 *
 * @example
 * ```ts
 * const log = createLog(env, { level: "debug" }).child({ daemon: "sockhijack" });
 * log.info("attached", { cgroup: "/web", tookMs: 12 }); // 12:00:01.250 INFO attached daemon=sockhijack cgroup=/web tookMs=12
 * ```
 */
export function createLog(env: Env, options: LogOptions = {}): Log {
  const level = options.level ?? "info";
  const wanted = env.vars.MITSU_LOG === "json" ? "json" : undefined;
  const format = options.format ?? wanted ?? (env.vars.JOURNAL_STREAM && !env.stderr.isTTY ? "journal" : "text");
  const coloured = env.stderr.isTTY && !env.vars.NO_COLOR;

  const line = (at: LogLevel, message: string, fields: LogFields): string => {
    if (format === "json") {
      const entry = { time: new Date(env.now()).toISOString(), level: at, message, ...fields };
      return JSON.stringify(entry, (_key, value) => plain(value));
    }
    const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${show(value)}`);
    const text = message.replaceAll("\n", "\\n") + pairs.join("");
    if (format === "journal") return `<${priority[at]}>${text}`;
    const time = new Date(env.now()).toISOString().slice(11, 23);
    const label = at.toUpperCase().padEnd(5);
    return `${time} ${coloured ? `\x1b[${colour[at]}m${label}\x1b[0m` : label} ${text}`;
  };

  const make = (inherited: LogFields): Log => {
    const at =
      (own: LogLevel) =>
      (message: string, fields: LogFields = {}): void => {
        if (logLevels.indexOf(own) < logLevels.indexOf(level)) return;
        env.stderr.write(`${line(own, message, { ...inherited, ...fields })}\n`);
      };
    return {
      level,
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => make({ ...inherited, ...fields }),
    };
  };
  return make({});
}

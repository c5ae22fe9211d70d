/** A command is data: its name, options, examples and what it runs. @module */
import type { Env } from "./env.ts";
import type { Log } from "./log.ts";

/** One `--flag`. Its key in the table is camelCase (`timeoutMs`), the flag is kebab-case (`--timeout-ms`). */
export interface Option {
  /** `array` may be repeated (`--service a --service b`) and collects strings. */
  readonly type: "string" | "number" | "boolean" | "array";
  readonly description: string;
  readonly default?: string | number | boolean | readonly string[];
  readonly choices?: readonly string[];
  /** One letter. */
  readonly alias?: string;
  readonly required?: boolean;
  /** Unit or shape of the value, shown in help: `ms`, `bytes`, `path`, `name:port`. */
  readonly unit?: string;
}

/** One argument without a flag; a variadic one comes last and takes the rest. */
export interface Positional {
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  readonly variadic?: boolean;
  readonly choices?: readonly string[];
}

/** A shell line and what it does, shown in help. */
export interface Example {
  readonly command: string;
  readonly does: string;
}

/** Any table of options. */
export type Options = Readonly<Record<string, Option>>;
type ValueOf<O extends Option> = O extends { choices: readonly (infer C)[] }
  ? C
  : O["type"] extends "number"
    ? number
    : O["type"] extends "boolean"
      ? boolean
      : string;
type OptionValue<O extends Option> = O["type"] extends "array"
  ? readonly ValueOf<O>[]
  : O["type"] extends "boolean"
    ? boolean
    : O extends { required: true } | { default: string | number }
      ? ValueOf<O>
      : ValueOf<O> | undefined;
type PositionalValue<P extends Positional> = P extends { variadic: true }
  ? readonly string[]
  : P extends { required: true }
    ? string
    : string | undefined;

/** The parsed arguments that belong to a table: absent booleans are false, absent arrays empty. */
export type Args<O extends Options, P extends readonly Positional[] = readonly []> = { readonly [K in keyof O]: OptionValue<O[K]> } & {
  readonly [Q in P[number] as Q["name"]]: PositionalValue<Q>;
};

/** What a command is given besides its arguments. */
export interface Context {
  readonly env: Env;
  readonly log: Log;
  readonly program: Program;
  /** `--json`: print one JSON value, nothing else, on stdout. */
  readonly json: boolean;
  /** `--socket`, where the program declares it. */
  readonly socket: string;
  /** `--config`, where the program declares it. */
  readonly config: string;
  /** Values of all global options by key. */
  readonly globals: Readonly<Record<string, unknown>>;
  /** What stood after `--`, verbatim. */
  readonly passthrough: readonly string[];
}

/** The work of a command; a returned number is the exit status. */
// biome-ignore lint/suspicious/noConfusingVoidType: a command that returns nothing succeeded
export type Run<A = Readonly<Record<string, unknown>>> = (args: A, context: Context) => Promise<number | void>;

/** A command as written in a table; give `run`, or `load` for one whose modules are heavy. */
export interface CommandSpec<O extends Options, P extends readonly Positional[]> {
  /** Words that call it: `status`, `policy check`. */
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  readonly description?: string;
  readonly examples: readonly Example[];
  readonly options?: O;
  readonly positionals?: P;
  /** Everything after `--` goes verbatim to `context.passthrough`; set to the name shown in help, such as `command…`. */
  readonly passthrough?: string;
  readonly hidden?: boolean;
  readonly run?: Run<Args<O, P>>;
  readonly load?: () => Promise<{ readonly run: Run<Args<O, P>> }>;
}

/** A command of any table, its argument types checked and forgotten. */
export interface Command extends Omit<CommandSpec<Options, readonly Positional[]>, "run" | "load" | "options" | "positionals"> {
  readonly options: Options;
  readonly positionals: readonly Positional[];
  readonly load: () => Promise<{ readonly run: Run }>;
}

/** A program: what `--help` and `--version` say, its commands, and the options every command takes. */
export interface Program {
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly description?: string;
  readonly examples: readonly Example[];
  readonly commands: readonly Command[];
  /** Global options; see {@link daemonOptions}. `--help`, `--version` and `--log-level` are always there. */
  readonly options: Options;
}

/**
 * Declares a command with its argument types inferred from the table.
 *
 * @example
 * ```ts
 * const ping = command({
 *   name: "ping",
 *   summary: "ask a service whether it lives",
 *   examples: [{ command: "demo ping web --timeout-ms 50", does: "wait 50 ms at most" }],
 *   options: { timeoutMs: { type: "number", description: "give up after", default: 1000, unit: "ms" } },
 *   positionals: [{ name: "service", description: "its name", required: true }],
 *   run: async ({ service, timeoutMs }, { env }) => env.stdout.write(`${service} ${timeoutMs}\n`),
 * });
 * ```
 */
export function command<const O extends Options = Record<never, never>, const P extends readonly Positional[] = readonly []>(
  spec: CommandSpec<O, P>,
): Command {
  const { run, load, ...rest } = spec;
  const loader = load ?? (run && (async () => ({ run })));
  if (!loader) throw new TypeError(`command ${spec.name} has neither run nor load`);
  return { ...rest, options: spec.options ?? {}, positionals: spec.positionals ?? [], load: loader as unknown as Command["load"] };
}

/** The global options of every daemon: `--json`, `--socket`, `--config`. */
export function daemonOptions(daemon: string): { readonly json: Option; readonly socket: Option; readonly config: Option } {
  return {
    json: { type: "boolean", description: "print JSON on stdout, errors as JSON on stderr" },
    socket: { type: "string", description: "control socket of the daemon", default: `/run/mitsu/${daemon}.sock`, unit: "path" },
    config: { type: "string", description: "mesh configuration", default: "/etc/mitsu/mesh.yaml", unit: "path" },
  };
}

/** `timeoutMs` → `timeout-ms`. */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Runs one command of a program: help, parsing, errors and exit status are the same everywhere. @module */
import { type Command, command, type Program } from "./command.ts";
import type { Env } from "./env.ts";
import { exitStatus, MitsuError } from "./error.ts";
import { commandHelp, programHelp } from "./help.ts";
import { createLog, type LogLevel } from "./log.ts";
import { locate, parseArgs, UsageError, unknownCommand } from "./parse.ts";

const completion: Command = command({
  name: "completion",
  summary: "print a completion script for bash or zsh",
  examples: [{ command: 'eval "$(<program> completion bash)"', does: "complete in this shell" }],
  positionals: [{ name: "shell", description: "which shell", required: true, choices: ["bash", "zsh"] }],
  run: async ({ shell }, { env, program }) => {
    const { bashCompletion, zshCompletion } = await import("./completion.ts");
    env.stdout.write(shell === "zsh" ? zshCompletion(program) : bashCompletion(program));
  },
});

/**
 * Prints an error on stderr, as text or as one JSON object, and gives its exit status.
 *
 * @example
 * ```text
 * sockhijack: cannot attach connect4 to /web: no such cgroup
 *   hint: start the unit first or pass --create
 * ```
 */
export function reportError(program: string, error: unknown, env: Env, json: boolean): number {
  const known = error instanceof MitsuError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const code = known?.code ?? (error as NodeJS.ErrnoException | undefined)?.code ?? "ERR_UNEXPECTED";
  const cause =
    error instanceof Error && error.cause instanceof Error && !message.includes(error.cause.message) ? error.cause.message : undefined;
  if (json) {
    env.stderr.write(
      `${JSON.stringify({ error: { code, message, ...(known?.hint ? { hint: known.hint } : {}), ...(cause ? { cause } : {}) } })}\n`,
    );
  } else {
    env.stderr.write(`${program}: ${message}\n`);
    if (cause) env.stderr.write(`  cause: ${cause.replaceAll("\n", "\n         ")}\n`);
    if (known?.hint) env.stderr.write(`  hint: ${known.hint}\n`);
    if (env.vars.MITSU_DEBUG && error instanceof Error) env.stderr.write(`${error.stack}\n`);
  }
  return known?.exit ?? exitStatus.failure;
}

async function dispatch(program: Program, argv: readonly string[], env: Env): Promise<number> {
  const asked = argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
  const at = locate(program, asked);
  const wants = (flag: string) => at.rest.includes(flag);
  if (at.unknown !== undefined) throw unknownCommand(program, at.unknown);
  if (wants("--help") || wants("-h")) {
    const text = at.command ? commandHelp(program, at.command, env.stdout, env.vars) : programHelp(program, env.stdout, env.vars, at.noun);
    env.stdout.write(text);
    return exitStatus.ok;
  }
  if (wants("--version") && !at.noun) {
    const { name, version } = program;
    env.stdout.write(wants("--json") ? `${JSON.stringify({ name, version })}\n` : `${name} ${version}\n`);
    return exitStatus.ok;
  }
  const found = at.command;
  if (!found) {
    if (asked.length === 0) {
      env.stderr.write(programHelp(program, env.stderr, env.vars));
      return exitStatus.usage;
    }
    throw new UsageError(
      `which command${at.noun ? ` of '${at.noun}'` : ""}?`,
      `see '${[program.name, at.noun].filter(Boolean).join(" ")} --help'`,
    );
  }
  const { args, globals } = await parseArgs(
    program,
    found,
    found.passthrough ? at.rest : at.passthrough.length ? [...at.rest, "--", ...at.passthrough] : at.rest,
  );
  if (found.passthrough && at.passthrough.length === 0) {
    throw new UsageError(
      `nothing to run after '--'`,
      found.examples[0] ? `such as: ${found.examples[0].command}` : `see '${program.name} --help'`,
    );
  }
  const { run: work } = await found.load();
  const status = await work(args, {
    env,
    program,
    log: createLog(env, { level: globals.logLevel as LogLevel }),
    json: globals.json === true,
    socket: (globals.socket as string | undefined) ?? "",
    config: (globals.config as string | undefined) ?? "",
    globals,
    passthrough: at.passthrough,
  });
  return status ?? exitStatus.ok;
}

/**
 * Runs the command that the arguments name and returns its exit status; never throws.
 *
 * @example
 * ```ts
 * if (import.meta.main) process.exitCode = await run(commands, process.argv.slice(2), systemEnv);
 * ```
 */
export async function run(program: Program, argv: readonly string[], env: Env): Promise<number> {
  const whole = { ...program, commands: [...program.commands, completion] };
  try {
    return await dispatch(whole, argv, env);
  } catch (error) {
    const end = argv.indexOf("--");
    const json = "json" in program.options && argv.slice(0, end < 0 ? argv.length : end).includes("--json");
    return reportError(program.name, error, env, json);
  }
}

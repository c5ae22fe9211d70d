/** Turns an argument vector into a command and its typed arguments; yargs does the parsing, strictly. @module */
import { type Command, flagOf, type Option, type Options, type Program } from "./command.ts";
import { didYouMean } from "./did-you-mean.ts";
import { exitStatus, MitsuError } from "./error.ts";
import { builtinOptions, usageOf } from "./help.ts";

/** Wrong usage: exit status 2 and a hint that leads on. */
export class UsageError extends MitsuError {
  constructor(message: string, hint: string) {
    super(message, { code: "ERR_USAGE", hint, exit: exitStatus.usage });
  }
}

/** Where the command stands in the arguments: the words that name it, and the rest in order. */
export interface Located {
  /** The command, if the words name one. */
  readonly command: Command | undefined;
  /** A noun with commands below it (`policy`), if the words stop there. */
  readonly noun: string;
  /** Arguments without the command's words and without what stood after `--`. */
  readonly rest: readonly string[];
  readonly passthrough: readonly string[];
  /** The first word that names nothing. */
  readonly unknown: string | undefined;
}

const takesValue = (argument: string, options: Options): boolean => {
  const found = Object.entries(options).find(([key, { alias }]) => argument === `--${flagOf(key)}` || (alias && argument === `-${alias}`));
  return found !== undefined && found[1].type !== "boolean";
};

/** Finds the command's words among global options: `demo --socket s policy check -v` → `policy check`. */
export function locate(program: Program, argv: readonly string[]): Located {
  const split = argv.indexOf("--");
  const before = split < 0 ? argv : argv.slice(0, split);
  const globals = { ...program.options, ...builtinOptions };
  const rest: string[] = [];
  let words = "";
  let command: Command | undefined;
  let unknown: string | undefined;
  for (let i = 0; i < before.length; i++) {
    const argument = before[i]!;
    if (command || unknown || argument.startsWith("-")) {
      rest.push(argument);
      if (!command && !unknown && takesValue(argument, globals) && i + 1 < before.length) rest.push(before[++i]!);
      continue;
    }
    const longer = words ? `${words} ${argument}` : argument;
    const found = program.commands.find(({ name }) => name === longer);
    if (found) command = found;
    else if (program.commands.some(({ name }) => name.startsWith(`${longer} `))) words = longer;
    else unknown = longer;
  }
  return { command, noun: words, rest, passthrough: split < 0 ? [] : argv.slice(split + 1), unknown };
}

/** The error for words that name no command, with the nearest that does. */
export function unknownCommand(program: Program, word: string): UsageError {
  const names = program.commands.filter(({ hidden }) => !hidden).map(({ name }) => name);
  const near = didYouMean(word, names);
  return new UsageError(`unknown command '${word}'`, near ? `did you mean '${program.name} ${near}'?` : `see '${program.name} --help'`);
}

function checkValue(key: string, option: Option, value: unknown): unknown {
  const flag = `--${flagOf(key)}`;
  if (Array.isArray(value) && option.type !== "array") throw new UsageError(`${flag} was given ${value.length} times`, "give it once");
  if (option.type === "number" && value !== undefined) {
    const number = String(value).trim() === "" ? Number.NaN : Number(value);
    if (!Number.isFinite(number))
      throw new UsageError(`${flag} needs a number${option.unit ? ` (${option.unit})` : ""}`, `such as ${flag} 5`);
    return number;
  }
  if (option.choices) {
    for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value]) {
      if (!option.choices.includes(String(one)))
        throw new UsageError(`${flag} cannot be '${String(one)}'`, `choose one of ${option.choices.join(", ")}`);
    }
  }
  if (option.required && (value === undefined || (Array.isArray(value) && !value.length))) {
    throw new UsageError(`${flag} is missing`, option.description);
  }
  return value ?? (option.type === "boolean" ? false : option.type === "array" ? [] : undefined);
}

/** Flags in `argv` that no option declares, as typed. */
function unknownFlag(argv: readonly string[], options: Options): string | undefined {
  const known = new Set(
    Object.entries(options).flatMap(([key, { alias }]) => [`--${flagOf(key)}`, `--no-${flagOf(key)}`, ...(alias ? [`-${alias}`] : [])]),
  );
  return argv.map((argument) => argument.split("=", 1)[0]!).find((argument) => argument.startsWith("--") && !known.has(argument));
}

/** `--file -` as `--file=-`: yargs takes a lone dash, which stands for stdin, for no value of an option that may be repeated. */
function withLoneDashes(argv: readonly string[], options: Options): string[] {
  const joined: string[] = [];
  for (const argument of argv) {
    const before = joined.at(-1);
    if (argument === "-" && before?.startsWith("--") && takesValue(before, options)) joined[joined.length - 1] = `${before}=-`;
    else joined.push(argument);
  }
  return joined;
}

/** Values by option key and positional name. */
export interface ParsedArgs {
  /** The command's own. */
  readonly args: Readonly<Record<string, unknown>>;
  /** The program's. */
  readonly globals: Readonly<Record<string, unknown>>;
}

/**
 * Parses the arguments of one command.
 *
 * @throws {UsageError} for an unknown flag, a missing or surplus argument, or a value of the wrong kind.
 */
export async function parseArgs(program: Program, command: Command, rest: readonly string[]): Promise<ParsedArgs> {
  const options: Options = { ...command.options, ...program.options, ...builtinOptions };
  const see = `see '${program.name} ${command.name} --help'`;
  const { default: yargs } = await import("yargs"); // here, not above: it costs more than the whole of --help
  let parser = yargs(withLoneDashes(rest, options)).locale("en").help(false).version(false).exitProcess(false).fail(false).strictOptions();
  parser = parser.parserConfiguration({
    "boolean-negation": true,
    "camel-case-expansion": false,
    "dot-notation": false,
    "greedy-arrays": false,
    "parse-positional-numbers": false,
    "strip-aliased": true,
  });
  for (const [key, option] of Object.entries(options)) {
    const { type, alias, default: value } = option;
    parser = parser.option(flagOf(key), {
      // Numbers are read in checkValue: yargs takes a later 1 for a count, and makes 4 of `--wait 3 --wait 1`.
      ...(type === "array" ? { type: "string", array: true } : { type: type === "number" ? "string" : type }),
      ...(alias ? { alias } : {}),
      ...(value === undefined ? {} : { default: value }),
      ...(type === "boolean" ? {} : { requiresArg: true }),
    });
  }
  let parsed: Record<string, unknown>;
  try {
    parsed = (await parser.parseAsync()) as Record<string, unknown>;
  } catch (error) {
    const flag = unknownFlag(rest, options);
    const near =
      flag &&
      didYouMean(
        flag,
        Object.keys(options).map((key) => `--${flagOf(key)}`),
      );
    if (flag) throw new UsageError(`unknown option '${flag}' for '${command.name}'`, near ? `did you mean '${near}'?` : see);
    const message = (error as Error).message.split("\n")[0]!;
    const bare = /^Not enough arguments following: (.+)$/.exec(message)?.[1];
    if (bare) throw new UsageError(`${bare.length === 1 ? "-" : "--"}${bare} needs a value`, see);
    throw new UsageError(message.replace(/^Unknown arguments?: /, "unknown option "), see);
  }

  const valuesOf = (table: Options) =>
    Object.fromEntries(Object.entries(table).map(([key, option]) => [key, checkValue(key, option, parsed[flagOf(key)])]));
  const globals = valuesOf({ ...program.options, ...builtinOptions });
  const args: Record<string, unknown> = valuesOf(command.options);
  const words = (parsed._ as unknown[]).map(String);
  for (const positional of command.positionals) {
    const value = positional.variadic ? words.splice(0) : words.shift();
    if (positional.required && (value === undefined || value.length === 0)) {
      throw new UsageError(`<${positional.name}> is missing (${positional.description})`, `usage: ${usageOf(program, command)}`);
    }
    const wrong = [value ?? []].flat().find((one) => positional.choices && !positional.choices.includes(one));
    if (wrong !== undefined)
      throw new UsageError(`<${positional.name}> cannot be '${wrong}'`, `choose one of ${positional.choices!.join(", ")}`);
    args[positional.name] = value;
  }
  if (words.length) {
    const hint = command.passthrough ? `put the command after '--': ${usageOf(program, command)}` : `usage: ${usageOf(program, command)}`;
    throw new UsageError(`unexpected argument '${words[0]}' for '${command.name}'`, hint);
  }
  return { args, globals };
}

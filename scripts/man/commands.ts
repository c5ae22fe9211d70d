/** The parts of a daemon's manual that come from its command table: synopsis, commands, global options, examples. @module */
import {
  type Command,
  type Example,
  flagOf,
  type Option,
  type Options,
  type Positional,
  type Program,
} from "../../packages/cli/src/command.ts";
import { builtinOptions } from "../../packages/cli/src/help.ts";
import { argument, literal, prose, sentence, tagged } from "./mdoc.ts";

/** What is said of single commands besides the command table, written by hand. */
export interface CommandNotes {
  /** Commands named after what they show; the manual puts "Show" before their summaries. */
  readonly nouns: ReadonlySet<string>;
  /** Paragraphs in mdoc(7), by command. */
  readonly notes: Readonly<Record<string, string>>;
}

function valueText({ type, unit, choices }: Option): string {
  if (type === "boolean") return "";
  if (choices && !unit) return ` Cm ${choices.map(argument).join(" | ")}`;
  return ` Ar ${argument(unit ?? type.replace("array", "string"))}`;
}

function flag(key: string, option: Option): string {
  const alias = option.alias ? `Fl ${option.alias} , ` : "";
  return `${alias}Fl -${flagOf(key)}${valueText(option)}`;
}

function positional({ name, required, variadic, choices }: Positional): string {
  const value = choices ? `Cm ${choices.map(argument).join(" | ")}` : `Ar ${argument(name)}${variadic ? " ..." : ""}`;
  return required ? value : `Op ${value}`;
}

/** A command with its arguments, a macro line each. */
function form(command: Command): string[] {
  const options = Object.entries(command.options).map(([key, option]) => {
    const long = flag(key, { ...option, alias: "" });
    return option.required ? `.${long}` : `.Op ${long}`;
  });
  const [required, optional] = [options.filter((line) => line.startsWith(".Fl")), options.filter((line) => line.startsWith(".Op"))];
  const passthrough = command.passthrough ? [`.Fl - Ar ${argument(command.passthrough.replace("…", ""))} ...`] : [];
  return [`.Cm ${command.name}`, ...required, ...optional, ...command.positionals.map((one) => `.${positional(one)}`), ...passthrough];
}

function describe(option: Option): string {
  const parts = [
    sentence(option.description),
    option.choices && option.unit ? `One of ${option.choices.map((choice) => `\`${choice}\``).join(", ")}.` : "",
    option.type === "array" ? "May be repeated." : "",
    option.default !== undefined && option.default !== false
      ? `The default is \`${String(option.default)}\`${option.unit === "ms" ? " ms" : ""}.`
      : "",
  ];
  return prose(parts.filter(Boolean).join(" "));
}

const optionList = (options: Options): (readonly [string, string])[] =>
  Object.entries(options).map(([key, option]) => [flag(key, option), describe(option)]);

/** Columns for an example in the list of commands on a terminal of 80. */
const exampleColumns = 61;

/** A shell line for display; one that is too long is continued on the next. */
function shellLine(command: string): string {
  if (command.length <= exampleColumns) return `.Dl ${literal(command)}`;
  const at = command.lastIndexOf(" -", exampleColumns - 2);
  return `.Bd -literal -offset indent -compact\n${literal(`${command.slice(0, at)} \\`)}\n${literal(`    ${command.slice(at + 1)}`)}\n.Ed`;
}

/** Examples: what each does, and its line. */
export function examples(list: readonly Example[]): string {
  return list.map(({ command, does }) => `.Pp\n${prose(sentence(does).replace(/\.$/, ":"))}\n${shellLine(command)}`).join("\n");
}

/** One line of the synopsis for each command. */
export function synopsis({ commands }: Program): string {
  return commands
    .filter(({ hidden }) => !hidden)
    .map((command) => [".Nm", ...form(command)].join("\n"))
    .join("\n");
}

/** Every command with its arguments, options, notes and examples. */
export function commandList({ commands }: Program, { nouns, notes }: CommandNotes): string {
  const items = commands
    .filter(({ hidden }) => !hidden)
    .map((command): readonly [string, string] => {
      const summary = nouns.has(command.name) ? `show ${command.summary}` : command.summary;
      const rows = [
        ...command.positionals
          .filter(({ description }) => description)
          .map((one) => [`Ar ${argument(one.name)}`, prose(sentence(one.description))] as const),
        ...optionList(command.options),
      ];
      const body = [
        prose([sentence(summary), command.description ?? ""].join(" ").trim()),
        notes[command.name] === undefined ? "" : `.Pp\n${notes[command.name]}`,
        rows.length > 0 ? tagged(rows) : "",
        examples(command.examples),
      ];
      return [["Xo", ...form(command), ".Xc"].join("\n"), body.filter(Boolean).join("\n")];
    });
  return tagged(items, "4n");
}

/** Options that every command takes. */
export function globalOptions({ options }: Program): string {
  return tagged(optionList({ ...options, ...builtinOptions }));
}

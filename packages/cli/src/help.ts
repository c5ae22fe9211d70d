/** Renders `--help`: without yargs, because help must be there at once. @module */
import { type Command, type Example, flagOf, type Option, type Options, type Positional, type Program } from "./command.ts";
import type { OutputStream } from "./env.ts";

/** Options every program has. */
export const builtinOptions: Options = {
  logLevel: {
    type: "string",
    description: "least level logged",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    unit: "level",
  },
  help: { type: "boolean", description: "show this help", alias: "h" },
  version: { type: "boolean", description: "show the version" },
};

function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line].join(`\n${indent}`);
}

function columns(rows: readonly (readonly [string, string])[], width: number): string {
  const left = Math.min(Math.max(...rows.map(([term]) => term.length)), 34);
  const indent = " ".repeat(left + 4);
  return rows
    .map(([term, text]) => {
      const head = `  ${term.padEnd(left)}  `;
      const body = wrap(text, Math.max(width - left - 4, 24), indent);
      return term.length > left ? `  ${term}\n${indent}${body}` : `${head}${body}`;
    })
    .join("\n");
}

function optionRow(key: string, option: Option): readonly [string, string] {
  const alias = option.alias ? `-${option.alias}, ` : "";
  const value =
    option.type === "boolean" ? "" : ` <${option.unit ?? (option.choices?.join("|") || option.type.replace("array", "string"))}>`;
  const notes = [
    option.required ? "required" : "",
    option.choices && option.unit ? option.choices.join(", ") : "",
    option.type === "array" ? "may be repeated" : "",
    option.default !== undefined && option.default !== false ? `default ${String(option.default)}` : "",
  ].filter(Boolean);
  return [`${alias}--${flagOf(key)}${value}`, option.description + (notes.length ? ` (${notes.join("; ")})` : "")];
}

function positionalText(positional: Positional): string {
  const name = positional.variadic ? `${positional.name}...` : positional.name;
  return positional.required ? `<${name}>` : `[${name}]`;
}

/** The `Usage:` line of a command without its prefix, such as `demo ping <service> [options]`. */
export function usageOf(program: Program, command: Command): string {
  const parts = [program.name, command.name, ...command.positionals.map(positionalText), "[options]"];
  return [...parts, ...(command.passthrough ? [`-- <${command.passthrough}>`] : [])].join(" ");
}

function page(out: OutputStream, vars: Readonly<Record<string, string | undefined>>) {
  const bold = out.isTTY && !vars.NO_COLOR ? (text: string) => `\x1b[1m${text}\x1b[0m` : (text: string) => text;
  const width = out.isTTY ? Math.max(Math.min(out.columns, 120), 40) : 80;
  const parts: string[] = [];
  return {
    text: (text: string) => parts.push(wrap(text, width, "")),
    usage: (text: string) => parts.push(`${bold("Usage:")} ${text}`),
    section: (title: string, rows: readonly (readonly [string, string])[]) => {
      if (rows.length) parts.push(`${bold(`${title}:`)}\n${columns(rows, width)}`);
    },
    examples: (examples: readonly Example[]) => {
      if (!examples.length) return;
      const rows = examples.map(({ command, does }) => `  # ${wrap(does, width - 4, "  # ")}\n  ${command}`);
      parts.push(`${bold("Examples:")}\n${rows.join("\n")}`);
    },
    end: () => `${parts.join("\n\n")}\n`,
  };
}

const optionRows = (options: Options): (readonly [string, string])[] =>
  Object.entries(options).map(([key, option]) => optionRow(key, option));

/** Help of a whole program, or of the commands below a noun (`policy`), as wide as the terminal. */
export function programHelp(program: Program, out: OutputStream, vars: Readonly<Record<string, string | undefined>>, noun = ""): string {
  const show = page(out, vars);
  const shown = program.commands.filter(({ name, hidden }) => !hidden && (!noun || name.startsWith(`${noun} `)));
  if (!noun) {
    show.text(`${program.name} ${program.version}: ${program.summary}`);
    if (program.description) show.text(program.description);
  }
  show.usage([program.name, noun, "<command> [options]"].filter(Boolean).join(" "));
  show.section(
    "Commands",
    shown.map(({ name, summary }) => [name, summary] as const),
  );
  show.section("Options", optionRows({ ...program.options, ...builtinOptions }));
  show.examples(noun ? shown.flatMap(({ examples }) => examples) : program.examples);
  return show.end();
}

/** Help of one command. */
export function commandHelp(
  program: Program,
  command: Command,
  out: OutputStream,
  vars: Readonly<Record<string, string | undefined>>,
): string {
  const show = page(out, vars);
  show.text(`${program.name} ${command.name}: ${command.summary}`);
  if (command.description) show.text(command.description);
  show.usage(usageOf(program, command));
  const rows = command.positionals.map(
    (positional) =>
      [positionalText(positional), positional.description + (positional.choices ? ` (${positional.choices.join(", ")})` : "")] as const,
  );
  show.section("Arguments", rows);
  show.section("Options", optionRows(command.options));
  show.section("Global options", optionRows({ ...program.options, ...builtinOptions }));
  show.examples(command.examples);
  return show.end();
}

/** Verilator as a function: arguments of a design, and its messages as errors. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { runTool } from "./tool.ts";

/** A design as Verilator is told about it. */
export interface Design {
  /** SystemVerilog files, the top module's first. */
  readonly files: readonly string[];
  /** Top module; Verilator's own choice unless given. */
  readonly top?: string | undefined;
  /** Parameters of the top module, as `-G` takes them: numbers or quoted strings. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Folders of included files and of modules by name. */
  readonly include?: readonly string[];
}

/** One line of Verilator's that begins with `%`. */
export interface Message {
  readonly severity: "error" | "warning";
  /** Such as `WIDTH`; absent for plain errors. */
  readonly rule: string | undefined;
  readonly file: string | undefined;
  /** From 1. */
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly text: string;
}

const head = /^%(Error|Warning)(?:-([A-Z0-9]+))?: (?:([^:\s][^:]*):(\d+)(?::(\d+))?: )?(.*)$/;

/**
 * Reads Verilator's messages; what it adds to one (the source line, how to silence it) is left out.
 *
 * @example
 * ```ts
 * messages("%Error: a.sv:3:7: syntax error, unexpected ';'\n"); // [{ severity: "error", file: "a.sv", line: 3, … }]
 * ```
 */
export function messages(stderr: string): readonly Message[] {
  return stderr.split("\n").flatMap((line) => {
    const found = head.exec(line);
    if (!found || found[6]!.startsWith("Exiting due to") || found[6]!.startsWith("Command Failed")) return [];
    const [, severity, rule, file, at, column, text] = found;
    return [
      {
        severity: severity === "Error" ? "error" : "warning",
        rule,
        file,
        line: at === undefined ? undefined : Number(at),
        column: column === undefined ? undefined : Number(column),
        text: text!,
      } as const,
    ];
  });
}

/** `file:line:column: error RULE: text`, as compilers print it. */
export function formatMessage({ severity, rule, file, line, column, text }: Message): string {
  const place = file === undefined ? "" : `${[file, line, column].filter((part) => part !== undefined).join(":")}: `;
  return `${place}${severity}${rule === undefined ? "" : ` ${rule}`}: ${text}`;
}

/** The arguments that name a design. */
export function designArguments(design: Design): readonly string[] {
  return [
    ...(design.top === undefined ? [] : ["--top-module", design.top]),
    ...Object.entries(design.parameters ?? {}).map(([name, value]) => `-G${name}=${value}`),
    ...(design.include ?? []).map((folder) => `-I${folder}`),
    ...design.files,
  ];
}

/**
 * Verilator's refusal as an error with its messages, file and line first; exit status 2.
 *
 * @param file Named where a message has no file itself: an unknown parameter, a file that is not there.
 */
export function refusal(stderr: string, file?: string): MitsuError {
  const errors = messages(stderr).map((message) => formatMessage({ ...message, file: message.file ?? file }));
  return new MitsuError(errors.length ? errors.join("\n") : stderr.trim() || "verilator failed without a message", {
    code: "ERR_HDL_DESIGN",
    hint: "mend the first message first: those after it may follow from it",
    exit: exitStatus.usage,
  });
}

/**
 * Runs Verilator on a design and gives its warnings.
 *
 * @param mode Such as `["--lint-only", "-Wall"]`. Warnings are no failure, but for those of `$error` and `$fatal` at elaboration.
 * @throws {MitsuError} `ERR_HDL_DESIGN` with Verilator's messages when the design does not elaborate.
 * @throws {MitsuError} `ERR_HDL_TOOL` when Verilator is not installed.
 */
export async function verilate(design: Design, mode: readonly string[]): Promise<readonly Message[]> {
  // Of warnings only $error and $fatal of the design itself end the elaboration: by these a module refuses its parameters.
  const fatal = ["-Wno-fatal", "-Werror-USERERROR", "-Werror-USERFATAL"];
  const { status, stderr } = await runTool("verilator", [...mode, ...fatal, ...designArguments(design)]);
  if (status !== 0) throw refusal(stderr, design.files[0]);
  return messages(stderr);
}

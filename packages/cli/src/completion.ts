/** Completion scripts for bash and zsh, made from the command table: nothing is started while the user types. @module */
import { flagOf, type Options, type Program } from "./command.ts";
import { builtinOptions } from "./help.ts";

const flags = (options: Options): string[] => Object.keys(options).map((key) => `--${flagOf(key)}`);

/** Flag pattern → shell words that give its values, for the options that take one. */
function valueCases(options: Options): { readonly pattern: string; readonly choices: readonly string[]; readonly files: boolean }[] {
  return Object.entries(options)
    .filter(([, { type }]) => type !== "boolean")
    .map(([key, { alias, choices, unit }]) => ({
      pattern: `--${flagOf(key)}${alias ? `|-${alias}` : ""}`,
      choices: choices ?? [],
      files: unit === "path",
    }));
}

const sorted = (program: Program) => program.commands.filter(({ hidden }) => !hidden).sort((a, b) => b.name.length - a.name.length);

/** First words of the commands below a prefix: `""` → `status policy`, `policy` → `check`. */
function wordsBelow(program: Program, prefix: string): string[] {
  const start = prefix ? `${prefix} ` : "";
  const names = program.commands.filter(({ name, hidden }) => !hidden && name.startsWith(start));
  return [...new Set(names.map(({ name }) => name.slice(start.length).split(" ")[0]!))];
}

function nouns(program: Program): string[] {
  return [...new Set(program.commands.filter(({ hidden }) => !hidden).flatMap(({ name }) => name.split(" ").slice(0, -1)))];
}

/**
 * The part both shells share: from `$cmd` (the words so far, without flags) and `$prev`, sets `$candidates` to the candidates or `$files` to 1.
 * Only POSIX `case`, so one text serves both.
 */
function body(program: Program): string {
  const globals = { ...program.options, ...builtinOptions };
  const lines: string[] = [`  candidates="" files=""`];
  const value = ({ choices, files }: { choices: readonly string[]; files: boolean }) =>
    files ? "files=1" : `candidates="${choices.join(" ")}"`;
  lines.push(`  case "$cmd" in`);
  for (const noun of nouns(program)) lines.push(`    "${noun}") candidates="${wordsBelow(program, noun).join(" ")}" ;;`);
  lines.push(`    "") candidates="${wordsBelow(program, "").join(" ")}" ;;`);
  for (const { name, options, positionals } of sorted(program)) {
    const choices = positionals.flatMap((positional) => positional.choices ?? []);
    const cases = valueCases(options).map((one) => `        ${one.pattern}) ${value(one)} ;;`);
    lines.push(`    "${name}"|"${name} "*)`);
    lines.push(`      candidates="${[...choices, ...flags(options)].join(" ")}"`);
    if (cases.length) lines.push(`      case "$prev" in`, ...cases, "      esac");
    lines.push("      ;;");
  }
  lines.push("  esac");
  lines.push(`  case "$prev" in`, ...valueCases(globals).map((one) => `    ${one.pattern}) ${value(one)} ;;`));
  const allValues = [globals, ...program.commands.map(({ options }) => options)].flatMap(valueCases).map(({ pattern }) => pattern);
  lines.push(
    `    *) case "$prev" in ${[...new Set(allValues)].join("|")}) ;; *) candidates="$candidates ${flags(globals).join(" ")}" ;; esac ;;`,
    "  esac",
  );
  return lines.join("\n");
}

/** Shell words that take a value, as one `case` pattern. */
function valuePattern(program: Program): string {
  const all = [program.options, builtinOptions, ...program.commands.map(({ options }) => options)].flatMap(valueCases);
  return [...new Set(all.flatMap(({ pattern }) => pattern.split("|")))].join("|") || "--";
}

/** A bash script; `eval "$(prog completion bash)"` or put it in `/etc/bash_completion.d/`. */
export function bashCompletion(program: Program): string {
  const fn = `_${program.name.replace(/\W/g, "_")}`;
  return `# bash completion of ${program.name} ${program.version}
${fn}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" cmd="" word skip="" candidates files i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    [[ $word == -- ]] && { compopt -o default 2>/dev/null; return; }
    if [[ -n $skip ]]; then skip=""; continue; fi
    case "$word" in
      ${valuePattern(program)}) skip=1 ;;
      -*) ;;
      *) cmd="\${cmd:+$cmd }$word" ;;
    esac
  done
${body(program)}
  if [[ -n $files ]]; then COMPREPLY=($(compgen -f -- "$cur")); else COMPREPLY=($(compgen -W "$candidates" -- "$cur")); fi
}
complete -F ${fn} ${program.name}
`;
}

/** A zsh script; `eval "$(prog completion zsh)"` after compinit, or put it as `_prog` into a folder of `$fpath`. */
export function zshCompletion(program: Program): string {
  const fn = `_${program.name.replace(/\W/g, "_")}`;
  return `#compdef ${program.name}
# zsh completion of ${program.name} ${program.version}
${fn}() {
  local prev="\${words[CURRENT-1]}" cmd="" word skip="" files="" i
  local -a line
  line=("\${(@)words[2,CURRENT-1]}")
  for word in "\${line[@]}"; do
    if [[ $word == -- ]]; then _normal; return; fi
    if [[ -n $skip ]]; then skip=""; continue; fi
    case "$word" in
      ${valuePattern(program)}) skip=1 ;;
      -*) ;;
      *) cmd="\${cmd:+$cmd }$word" ;;
    esac
  done
  local candidates
${body(program)}
  if [[ -n $files ]]; then _files; else compadd -- \${=candidates}; fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then ${fn} "$@"; else compdef ${fn} ${program.name}; fi
`;
}

/** Keeps the AssemblyScript SDK from putting together debug lines that nobody reads, half of what a small filter would do at a request. @module */

/** Of `@gcoredev/proxy-wasm-sdk-as`: where the level is, and where it is compared only after the line was made, of the numbers of all open contexts. */
const files = {
  level: { path: "assembly/fastedge/utils/runtime.ts", declared: /^let logLevel: LogLevelValues = /m },
  calls: { path: "assembly/runtime.ts", imported: /^import \{ log as wasiLog \} from "\.\/fastedge";/m },
} as const;

/** A debug line in a statement of its own; all of its parts are free of side effects. */
const debugLine = /^( +)(log\(LogLevelValues\.debug, .*\);)$/gm;

/**
 * The text of one of the SDK's files with each debug line behind a question for the level; other files, and versions of the SDK that are written otherwise,
 * stay as they are. Lines keep their numbers, for source maps.
 *
 * @param path Of the file, in whatever folder.
 */
export function withLazyLog(path: string, text: string): string {
  if (path.endsWith(files.level.path) && files.level.declared.test(text))
    return `${text}\nexport function isLogged(level: LogLevelValues): bool {\n  return level >= logLevel;\n}\n`;
  if (path.endsWith(files.calls.path) && files.calls.imported.test(text))
    return text
      .replace(files.calls.imported, '$& import { isLogged } from "./fastedge/utils/runtime";')
      .replace(debugLine, "$1if (isLogged(LogLevelValues.debug)) $2");
  return text;
}

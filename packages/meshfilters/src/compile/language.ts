/** The languages that filters are written in, told apart by the endings of their files. @module */
import { readdirSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** As `meshfilters new` has them. */
export const languages = ["assemblyscript", "c", "cpp", "rust", "go", "wat"] as const;
/** One of {@link languages}. */
export type Language = (typeof languages)[number];

const endings: Readonly<Record<string, Language>> = {
  ".ts": "assemblyscript",
  ".as": "assemblyscript",
  ".c": "c",
  ".cc": "cpp",
  ".cpp": "cpp",
  ".cxx": "cpp",
  ".rs": "rust",
  ".go": "go",
  ".wat": "wat",
};

/** Of a source, with their dots. */
export const sourceEndings: readonly string[] = Object.keys(endings);

/** The language of a file; undefined for none of ours. */
export function languageOf(path: string): Language | undefined {
  return endings[extname(path)];
}

/** A filter's source. */
export interface Source {
  /** Absolute. */
  readonly path: string;
  readonly language: Language;
  /** Of the filter: the folder's, or the file's without its ending. */
  readonly name: string;
}

function refuse(path: string, why: string, hint: string): MitsuError {
  return new MitsuError(`cannot build ${path}: ${why}`, { code: "ERR_FILTER_SOURCE", hint, exit: exitStatus.usage });
}

/**
 * Finds the source that a path stands for: the file itself; of a folder, the file that is called as the folder, or the only one in a language.
 *
 * @param path Absolute.
 * @throws {MitsuError} `ERR_FILTER_SOURCE`.
 */
export function findSource(path: string): Source {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw refuse(path, "no such file or folder", "check the path, or make it: meshfilters new c FOLDER");
  if (!found.isDirectory()) {
    const language = languageOf(path);
    if (language === undefined)
      throw refuse(
        path,
        `${extname(path) || "a file without an ending"} is no language that is known`,
        `give one of ${sourceEndings.join(", ")} or rules in .yaml`,
      );
    return { path, language, name: basename(path, extname(path)) };
  }
  const name = basename(path);
  const files = readdirSync(path).filter((file) => languageOf(file) !== undefined && !file.endsWith(".d.ts"));
  const own = files.filter((file) => basename(file, extname(file)) === name);
  const [file, ...others] = own.length > 0 ? own : files;
  if (file === undefined) throw refuse(path, "it has no source", `put a file in it that ends in ${sourceEndings.join(", ")}`);
  if (others.length > 0)
    throw refuse(path, `it has ${[file, ...others].join(" and ")}`, `name the file, or call it ${name}${extname(file)}`);
  return { path: join(path, file), language: languageOf(file)!, name };
}

/** Files that are read line by line and whose mistakes are told with file and line. @module */
import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** What a kind of file is called in messages, and the code of its errors. */
export interface FileKind {
  /** As in "the password file". */
  readonly noun: string;
  readonly code: string;
}

/** Says that a line of a file is wrong; `line` counts from 1, 0 is the file as a whole. */
export function fileError(kind: FileKind, path: string, line: number, why: string, hint: string): MitsuError {
  return new MitsuError(line > 0 ? `${path}:${line}: ${why}` : `${path}: ${why}`, { code: kind.code, hint, exit: exitStatus.config });
}

/** The bytes of a file. @throws {MitsuError} when it cannot be read. */
export async function readBytes(kind: FileKind, path: string): Promise<Buffer> {
  return readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "no such file" : cause.code === "EACCES" ? "no right to read it" : cause.message;
    throw new MitsuError(`cannot read the ${kind.noun} ${path}: ${why}`, {
      code: kind.code,
      hint: "check the path, and the rights of the user that mqttnic runs as",
      exit: exitStatus.config,
      cause,
    });
  });
}

/** The lines of a text, without their ends; a byte order mark is left out. @throws {MitsuError} for what is not UTF-8. */
export function linesOf(kind: FileKind, path: string, bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isUtf8(buffer)) {
    let line = 1;
    let start = 0;
    for (let end = buffer.indexOf(10); end >= 0 && isUtf8(buffer.subarray(start, end)); end = buffer.indexOf(10, start)) {
      line++;
      start = end + 1;
    }
    throw fileError(kind, path, line, "not UTF-8", "save the file as UTF-8");
  }
  return buffer
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .split("\n");
}

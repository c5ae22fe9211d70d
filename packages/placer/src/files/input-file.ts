/** Reads what a command is given: a file or stdin, never more than it can use. @module */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { type Env, formatBytes } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** A larger file is a wrong path, such as a disk image; 100 000 replicas take a fifth of it. */
const largestBytes = 256 * 2 ** 20;

/**
 * Reads UTF-8 text from `path`, or from stdin for `-`. A file past 256 MiB is refused by its size, unread; a pipe by counting.
 *
 * @throws {MitsuError} `ERR_INPUT_MISSING`, `ERR_INPUT_UNREADABLE`; exit status 2.
 */
export async function readInput(path: string, env: Pick<Env, "stdin" | "cwd" | "readFile">): Promise<{ text: string; bytes: Uint8Array }> {
  const bytes = path === "-" ? await gather(env.stdin, "stdin") : await readPath(path, env);
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), bytes };
  } catch (cause) {
    throw refuse(
      "ERR_INPUT_UNREADABLE",
      `cannot read ${path === "-" ? "stdin" : path}: it is not UTF-8 text`,
      "give JSON or YAML, saved as UTF-8",
      cause,
    );
  }
}

async function readPath(path: string, env: Pick<Env, "cwd" | "readFile">): Promise<Uint8Array> {
  const whole = resolve(env.cwd(), path);
  try {
    const file = await stat(whole).catch(() => undefined);
    if (file?.isDirectory()) throw refuse("ERR_INPUT_UNREADABLE", `cannot read ${path}: it is a folder`, "name a file");
    if (file && !file.isFile()) return await gather(createReadStream(whole), path);
    if (file && file.size > largestBytes) throw tooLarge(path, formatBytes(file.size));
    // What is not on the disk may be in the environment of a test.
    return env.readFile(whole);
  } catch (cause) {
    if (cause instanceof MitsuError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw refuse("ERR_INPUT_MISSING", `cannot read ${path}: no such file`, "check the path; - is stdin");
    throw refuse(
      "ERR_INPUT_UNREADABLE",
      `cannot read ${path}: ${code === "EACCES" ? "no right to read it" : message}`,
      "name a readable file",
      code === "EACCES" ? undefined : cause,
    );
  }
}

async function gather(chunks: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > largestBytes) throw tooLarge(name, `more than ${formatBytes(largestBytes)}`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

function tooLarge(name: string, size: string): MitsuError {
  return refuse(
    "ERR_INPUT_UNREADABLE",
    `cannot read ${name}: ${size}, and no such file is larger than ${formatBytes(largestBytes)}`,
    "check the path",
  );
}

function refuse(code: string, message: string, hint: string, cause?: unknown): MitsuError {
  return new MitsuError(message, { code, hint, exit: exitStatus.usage, cause });
}

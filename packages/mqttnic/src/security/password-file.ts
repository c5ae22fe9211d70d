/** Reads a password file: `user:hash` a line, as mosquitto's, with more kinds of hashes. @module */
import { type Credential, parseCredential } from "./credential.ts";
import { type FileKind, fileError, linesOf } from "./text-file.ts";

/** How password files are called in messages. */
export const passwordFileKind: FileKind = { noun: "password file", code: "ERR_PASSWORD_FILE" };

/** One user's line. */
export interface PasswordEntry {
  /** From 1. */
  readonly line: number;
  readonly credential: Credential;
}

/** Why a name cannot stand in a password file; undefined when it can. */
export function unfitName(user: string): string | undefined {
  if (user === "") return "the user name is empty";
  if (user.includes(":")) return "a user name has no colon";
  if (/\p{Cc}/u.test(user)) return "a user name has no control characters";
  if (user.startsWith("#")) return "a user name does not begin with #, which begins a comment";
  if (user !== user.trim()) return "a user name has no blanks around it";
  return Buffer.byteLength(user) > 65_535 ? "the user name is longer than 65535 bytes" : undefined;
}

/**
 * The users of a password file.
 *
 * @throws {MitsuError} `ERR_PASSWORD_FILE` with file and line.
 * @example
 * ```ts
 * parsePasswordFile("passwd", await readFile("passwd")).get("ann")?.credential;
 * ```
 */
export function parsePasswordFile(path: string, bytes: Uint8Array): ReadonlyMap<string, PasswordEntry> {
  const users = new Map<string, PasswordEntry>();
  for (const [index, raw] of linesOf(passwordFileKind, path, bytes).entries()) {
    const line = index + 1;
    const text = raw.trimEnd();
    if (text === "" || text.startsWith("#")) continue;
    const colon = text.indexOf(":");
    const hint = "mqttnic passwd <file> <user> writes such lines";
    if (colon < 0) throw fileError(passwordFileKind, path, line, "no colon between user and hash", hint);
    const user = text.slice(0, colon).trim();
    const why = unfitName(user);
    if (why !== undefined) throw fileError(passwordFileKind, path, line, why, hint);
    const known = users.get(user);
    if (known) throw fileError(passwordFileKind, path, line, `user "${user}" was in line ${known.line} already`, "keep one of the lines");
    try {
      users.set(user, { line, credential: parseCredential(text.slice(colon + 1).trim()) });
    } catch (error) {
      throw fileError(passwordFileKind, path, line, (error as Error).message, hint);
    }
  }
  return users;
}

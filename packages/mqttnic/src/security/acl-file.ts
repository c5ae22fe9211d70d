/**
 * Reads an ACL file in mosquitto's format (`man mosquitto.conf`, acl_file).
 * Stricter than mosquitto 2.0 in two points, so that a rule never means less than it seems to: `%c` and `%u` must be a whole level, and an access
 * word without a topic filter is refused. Blanks before a line's first word are allowed.
 * @module
 */
import type { MitsuError } from "@mitsu/cli/error";
import { type FileKind, fileError, linesOf } from "./text-file.ts";

/** What a rule gives or, with `deny`, takes. */
export type AclAccess = "read" | "write" | "readwrite" | "deny";

/** One `topic` or `pattern` line. */
export interface AclRule {
  /** From 1. */
  readonly line: number;
  /** As written, without blanks around it. */
  readonly text: string;
  /** Whose: a user's, anonymous clients' (what comes before the first `user`), or everybody's (`pattern`). */
  readonly of: { readonly user: string } | "anonymous" | "everybody";
  readonly access: AclAccess;
  /** A topic filter; a pattern's has levels `%c` and `%u`. */
  readonly filter: string;
}

/** How ACL files are called in messages. */
export const aclFileKind: FileKind = { noun: "ACL file", code: "ERR_ACL_FILE" };

/** Levels of a rule at most, as in mosquitto. */
const mostLevels = 200;

/**
 * The rules of an ACL file, in its order.
 *
 * @throws {MitsuError} `ERR_ACL_FILE` with file and line.
 * @example
 * ```ts
 * parseAclFile("acl", Buffer.from("user ann\ntopic read sensors/#\n"));
 * // [{ line: 2, text: "topic read sensors/#", of: { user: "ann" }, access: "read", filter: "sensors/#" }]
 * ```
 */
export function parseAclFile(path: string, bytes: Uint8Array): AclRule[] {
  const rules: AclRule[] = [];
  let of: AclRule["of"] = "anonymous";
  for (const [index, raw] of linesOf(aclFileKind, path, bytes).entries()) {
    const line = index + 1;
    const text = raw.trim();
    if (text === "" || text.startsWith("#")) continue;
    const wrong = (why: string, hint: string): MitsuError => fileError(aclFileKind, path, line, why, hint);
    const [, word, rest] = /^(\S+)\s*(.*)$/s.exec(text)!;
    if (word === "user") {
      if (rest === "") throw wrong("user without a name", "write user <name>");
      of = { user: rest! };
    } else if (word === "topic" || word === "pattern") {
      const { access, filter } = accessOf(word, rest!, wrong);
      checkFilter(filter, word === "pattern", wrong);
      rules.push({ line, text, of: word === "pattern" ? "everybody" : of, access, filter });
    } else {
      throw wrong(
        `"${word}" is not known here`,
        "a line is user <name>, topic [access] <filter>, pattern [access] <filter>, or a # comment",
      );
    }
  }
  return rules;
}

type Wrong = (why: string, hint: string) => MitsuError;

function accessOf(word: string, rest: string, wrong: Wrong): { access: AclAccess; filter: string } {
  const shape = `write ${word} [read|write|readwrite|deny] <filter>`;
  if (rest === "") throw wrong(`${word} without a topic filter`, shape);
  const [, first, filter] = /^(\S+)\s*(.*)$/s.exec(rest)!;
  const isAccess = first === "read" || first === "write" || first === "readwrite" || first === "deny";
  if (filter === "") {
    // mosquitto takes `topic deny` for full access to the topic "deny", which nobody means.
    if (isAccess) throw wrong(`${word} ${first} without a topic filter`, shape);
    return { access: "readwrite", filter: first! };
  }
  if (!isAccess) throw wrong(`"${first}" is no access`, `${shape}; a filter with blanks needs the access before it`);
  return { access: first, filter: filter! };
}

function checkFilter(filter: string, isPattern: boolean, wrong: Wrong): void {
  if (filter.includes("\0")) throw wrong("a NUL in the topic filter", "take it out");
  if (Buffer.byteLength(filter) > 65_535) throw wrong("the topic filter is longer than 65535 bytes", "shorten it");
  const levels = filter.split("/");
  if (levels.length > mostLevels) throw wrong(`the topic filter has more than ${mostLevels} levels`, "shorten it");
  for (const [at, level] of levels.entries()) {
    // [MQTT-4.7.1-1] [MQTT-4.7.1-2]
    if (level.includes("#") && (level !== "#" || at < levels.length - 1)) {
      throw wrong(`"#" in "${filter}" is not alone in the last level`, "write it as the last level, as in a/#");
    }
    if (level.includes("+") && level !== "+")
      throw wrong(`"+" in "${filter}" is not alone in its level`, "write it as a whole level, as in a/+/b");
    if (isPattern && /%[cu]/.test(level) && level !== "%c" && level !== "%u") {
      throw wrong(`"${level}" in "${filter}": %c and %u must be a whole level`, "write it as a whole level, as in a/%c/b");
    }
  }
}

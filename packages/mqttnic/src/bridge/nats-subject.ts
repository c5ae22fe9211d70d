/**
 * Topics as NATS subjects and back: `/` becomes `.`; an empty level, which NATS has not, becomes `%`; what may not be in a token (`.`, `*`, `>`, white
 * space, control characters) and `%` itself become `%` and two hex digits. Source: docs.nats.io, Subject-Based Messaging.
 * @module
 */

/** Bytes of a subject that servers take: `max_control_line` is 4096 unless told otherwise, and a line has more in it. */
const longest = 3500;

const isForbidden = (code: number): boolean =>
  code <= 0x20 || code === 0x7f || code === 0x25 || code === 0x2a || code === 0x2e || code === 0x3e;

function encodeLevel(level: string): string {
  if (level === "") return "%";
  let token = "";
  for (let at = 0; at < level.length; at++) {
    const code = level.charCodeAt(at);
    token += isForbidden(code) ? `%${code.toString(16).toUpperCase().padStart(2, "0")}` : level[at];
  }
  return token;
}

/** The subject of a topic name; undefined when it is too long. */
export function subjectOf(prefix: string, topic: string): string | undefined {
  const subject = prefixed(prefix, topic.split("/").map(encodeLevel).join("."));
  return Buffer.byteLength(subject) > longest ? undefined : subject;
}

/** The topic of a subject that begins with the prefix; undefined for one that no topic has. */
export function topicOf(prefix: string, subject: string): string | undefined {
  const start = prefixed(prefix, "");
  if (!subject.startsWith(start)) return undefined;
  const levels: string[] = [];
  for (const token of subject.slice(start.length).split(".")) {
    if (token === "%") {
      levels.push("");
      continue;
    }
    if (/%(?![0-9A-F]{2})/.test(token) || /[+#\0]/.test(token)) return undefined;
    const level = token.replace(/%(..)/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    // Only what subjectOf() writes, so that two subjects never are one topic.
    if (level === "" || encodeLevel(level) !== token || level.includes("/") || level.includes("\0")) return undefined;
    levels.push(level);
  }
  return levels.join("/");
}

/** Subjects to subscribe to for a filter: `+` is `*`, and `a/#` is both `a` and `a.>`, because `#` names its parent, too, and `>` does not. */
export function subjectsOf(prefix: string, filter: string): string[] {
  const levels = filter.split("/");
  const open = levels.at(-1) === "#";
  if (open) levels.pop();
  const subject = levels.map((level) => (level === "+" ? "*" : encodeLevel(level))).join(".");
  if (!open) return [prefixed(prefix, subject)];
  return levels.length === 0 ? [prefixed(prefix, ">")] : [prefixed(prefix, subject), prefixed(prefix, `${subject}.>`)];
}

/** A prefix with or without a dot at its end is the same. */
function prefixed(prefix: string, subject: string): string {
  const bare = prefix.replace(/\.+$/, "");
  return bare === "" ? subject : `${bare}.${subject}`;
}

/** ACL files: mosquitto's format, what is refused and where, and that nothing else happens on any bytes. */
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import fc from "fast-check";
import { parseAclFile } from "../../src/security/acl-file.ts";

const parse = (text: string) => parseAclFile("acl", Buffer.from(text));

test("parseAclFile() reads users, topics, patterns and comments", (t) => {
  const rules = parse(
    "# first\ntopic read a/#\n\nuser ann lee \r\ntopic b/c\r\n topic  deny   d d/+ \npattern write s/%c/%u/#\nuser bob\ntopic readwrite e\nuser ann lee\ntopic write f",
  );
  t.deepEqual(
    rules.map(({ line, of, access, filter }) => [line, of, access, filter]),
    [
      [2, "anonymous", "read", "a/#"],
      [5, { user: "ann lee" }, "readwrite", "b/c"],
      [6, { user: "ann lee" }, "deny", "d d/+"],
      [7, "everybody", "write", "s/%c/%u/#"],
      [9, { user: "bob" }, "readwrite", "e"],
      [11, { user: "ann lee" }, "write", "f"],
    ],
  );
  t.is(rules[2]!.text, "topic  deny   d d/+");
  t.deepEqual(parse("\uFEFFtopic a")[0]!.filter, "a");
  t.deepEqual(parse(""), []);
});

test("parseAclFile() names file and line of what is wrong", (t) => {
  const wrong: readonly (readonly [text: string, says: RegExp])[] = [
    ["topic a\nuser", /^acl:2: user without a name/],
    ["topic", /^acl:1: topic without a topic filter/],
    ["topic a\ntopic deny", /^acl:2: topic deny without a topic filter/],
    ["topic reed a/b", /^acl:1: "reed" is no access/],
    ["\n\ntopics a", /^acl:3: "topics" is not known/],
    ["topic read a/#/b", /^acl:1: "#" in "a\/#\/b"/],
    ["topic read a#", /^acl:1: "#"/],
    ["topic read a+/b", /^acl:1: "\+"/],
    ["pattern read a/x%c", /^acl:1: "x%c" in "a\/x%c": %c and %u must be a whole level/],
    ["pattern deny a/%u%c/b", /^acl:1: .*whole level/],
    ["topic read a\0b", /^acl:1: a NUL/],
    [`topic read ${"a/".repeat(200)}b`, /^acl:1: .*levels/],
    [`topic read ${"a".repeat(65_536)}`, /^acl:1: .*65535/],
  ];
  for (const [text, says] of wrong) {
    const error = t.throws(() => parse(text), { instanceOf: MitsuError, message: says }, text.slice(0, 50)) as MitsuError;
    t.is(error.code, "ERR_ACL_FILE");
    t.truthy(error.hint);
  }
  const bytes = Buffer.concat([Buffer.from("topic a\n"), Buffer.of(0xff, 10)]);
  t.throws(() => parseAclFile("acl", bytes), { message: /^acl:2: not UTF-8/ });
});

test("parseAclFile() of any bytes gives rules with sound filters, or an error with a line", (t) => {
  const word = fc.constantFrom(
    "topic",
    "pattern",
    "user",
    "read",
    "write",
    "deny",
    "readwrite",
    "#",
    "+",
    "%c",
    "%u",
    "a/b",
    "a/#",
    "é",
    "\0",
    "$SYS",
    "",
  );
  const line = fc.oneof(
    { weight: 4, arbitrary: fc.array(word, { maxLength: 5 }).map((words) => Buffer.from(words.join(" "))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)) },
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      try {
        for (const { filter, line: at } of parseAclFile("acl", Buffer.concat(lines.flatMap((bytes) => [bytes, Buffer.from("\n")])))) {
          if (
            filter === "" ||
            at < 1 ||
            !filter
              .split("/")
              .every((level, index, all) => !/[+#]/.test(level) || level === "+" || (level === "#" && index === all.length - 1))
          ) {
            return false;
          }
        }
        return true;
      } catch (error) {
        return error instanceof MitsuError && error.code === "ERR_ACL_FILE" && /^acl:[0-9]+: /.test(error.message);
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
  t.pass();
});

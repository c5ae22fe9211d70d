/** `mqttnic passwd` and `mqttnic acl check`, in-process, and passwd on a real terminal. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { command, type Program, run, testEnv } from "@mitsu/cli";
import test from "ava";
import { check } from "../../src/commands/acl.ts";
import { run as passwd } from "../../src/commands/passwd.ts";
import { verifyCredential } from "../../src/security/credential.ts";
import { parsePasswordFile } from "../../src/security/password-file.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const flag = { type: "boolean", description: "" } as const;
const program: Program = {
  name: "mqttnic",
  version: "0",
  summary: "",
  examples: [],
  options: { json: flag },
  commands: [
    command({
      name: "passwd",
      summary: "",
      examples: [],
      options: { delete: flag, scram: flag, create: flag, stdin: flag },
      positionals: [
        { name: "file", description: "", required: true },
        { name: "user", description: "", required: true },
      ],
      run: passwd,
    }),
    command({
      name: "acl check",
      summary: "",
      examples: [],
      options: {
        user: { type: "string", description: "" },
        clientId: { type: "string", description: "" },
        publish: flag,
        receive: flag,
        subscribe: flag,
      },
      positionals: [
        { name: "file", description: "", required: true },
        { name: "topic", description: "", required: true },
      ],
      run: check,
    }),
  ],
};

async function cli(argv: readonly string[], stdin = "") {
  const env = testEnv({ stdin });
  return { status: await run(program, argv, env), out: env.out(), err: env.err() };
}

const usersOf = (path: string) => parsePasswordFile(path, readFileSync(path));
const fits = async (path: string, user: string, password: string) =>
  verifyCredential(usersOf(path).get(user)!.credential, Buffer.from(password));

test("passwd adds, changes and removes users, and keeps all other lines", async (t) => {
  const { path: folder } = temporaryFolder(t);
  const path = join(folder, "passwd");
  const missing = await cli(["passwd", path, "ann", "--stdin"], "secret\n");
  t.is(missing.status, 65);
  t.regex(missing.err, /no such file[\s\S]*--create/);
  t.false(existsSync(path));

  const added = await cli(["passwd", path, "ann", "--stdin", "--create"], "secret\n");
  t.is(added.status, 0, added.err);
  t.regex(added.out, /^added ann in /);
  t.is(statSync(path).mode & 0o777, 0o600);
  t.true(await fits(path, "ann", "secret"));
  t.is((await cli(["passwd", path, "bob", "--stdin", "--scram", "--create"], "pencil")).status, 0);
  t.is(usersOf(path).get("bob")!.credential.scheme, "scram-sha-256");
  t.true(await fits(path, "bob", "pencil"));

  const withComment = `# users\r\n${readFileSync(path, "utf8")}# end`;
  execFileSync("sh", ["-c", 'printf %s "$1" > "$2"; chmod 644 "$2"', "sh", withComment, path]);
  const changed = await cli(["passwd", path, "ann", "--stdin", "--json"], "new\r\nignored\n");
  t.deepEqual(JSON.parse(changed.out), { file: path, user: "ann", did: "changed" });
  t.is(statSync(path).mode & 0o777, 0o600);
  t.true(await fits(path, "ann", "new"));
  const lines = readFileSync(path, "utf8").split("\n");
  t.deepEqual([lines[0], lines[1]!.slice(0, 4), lines[2]!.slice(0, 4), lines[3]], ["# users\r", "ann:", "bob:", "# end"]);

  t.is((await cli(["passwd", path, "eve", "--stdin"], "x\n")).status, 0);
  t.deepEqual([...usersOf(path).keys()], ["ann", "bob", "eve"], "also after a last line without an end");
  t.is((await cli(["passwd", path, "ann", "--delete"])).status, 0);
  t.deepEqual([...usersOf(path).keys()], ["bob", "eve"]);
  t.regex((await cli(["passwd", path, "ann", "--delete"])).err, /has no user "ann"/);
  t.deepEqual(readdirSync(folder), ["passwd"], "nothing is left aside");
});

test("passwd follows a symbolic link, keeps the owner, and takes mosquitto's file", async (t) => {
  const folder = temporaryFolder(t);
  const hash = Buffer.alloc(64, 1).toString("base64");
  const real = folder.file("real", `old:$7$101$YQ==$${hash}\n`);
  if (process.getuid?.() === 0) execFileSync("chown", ["1234:1235", real]);
  const link = join(folder.path, "link");
  symlinkSync("real", link);
  t.is((await cli(["passwd", link, "ann", "--stdin"], "secret\n")).status, 0);
  t.regex(readFileSync(real, "utf8"), /^old:\$7\$101\$YQ==\$[^\n]+\nann:\$argon2id\$[^\n]+\n$/);
  if (process.getuid?.() === 0) t.like(statSync(real), { uid: 1234, gid: 1235 });
});

test("passwd refuses what it cannot do, and changes nothing", async (t) => {
  const folder = temporaryFolder(t);
  const wrongFile = folder.file("wrong", "# x\nann:plain\n");
  const path = folder.file("passwd", "");
  const wrong: readonly (readonly [argv: readonly string[], stdin: string, says: RegExp])[] = [
    [[wrongFile, "bob", "--stdin"], "x\n", /wrong:2: the password is not hashed/],
    [[path, "a:b", "--stdin"], "x\n", /no colon/],
    [[path, "ann", "--stdin"], "\n", /the password is empty/],
    [[path, "ann"], "x\n", /no terminal[\s\S]*--stdin/],
    [[path, "ann", "--delete", "--scram"], "", /--delete goes with no other/],
    [[join(folder.path, "none", "passwd"), "ann", "--stdin", "--create"], "x\n", /none\/passwd: no such file/],
  ];
  for (const [argv, stdin, says] of wrong) {
    const { status, err } = await cli(["passwd", ...argv], stdin);
    t.not(status, 0);
    t.regex(err, says, argv.join(" "));
  }
  t.is(readFileSync(path, "utf8"), "");
  t.is(readFileSync(wrongFile, "utf8"), "# x\nann:plain\n");
});

test("passwd asks twice on a terminal and shows nothing", async (t) => {
  if (spawnSync("python3", ["--version"]).status !== 0) {
    t.log("skipped: there is no python3 to open a terminal with");
    t.pass();
    return;
  }
  const path = temporaryFolder(t).file("passwd", "");
  const module = (name: string): string => JSON.stringify(new URL(`../../src/${name}`, import.meta.url).pathname);
  const code = `
    import { systemEnv } from ${JSON.stringify(import.meta.resolve("@mitsu/cli"))};
    const { run } = await import(${module("commands/passwd.ts")});
    const [file, user] = process.argv.slice(1);
    await run({ file, user, delete: false, scram: false, create: false, stdin: false }, { env: systemEnv, json: false }).catch((error) => {
      console.log(error.message);
      process.exitCode = error.exit;
    });`;
  const python = `
import os, pty, sys
shown = b""
answers = [answer.encode() for answer in sys.argv[1].split("|")]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
while True:
    try:
        some = os.read(terminal, 4096)
    except OSError:
        break
    if not some:
        break
    shown += some
    if answers and shown.endswith(b": "):
        os.write(terminal, answers.pop(0))
print(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
  const typed = (answers: string) => {
    const argv = ["-c", python, answers, process.execPath, "--input-type=module", "-e", code, path, "ann"];
    const { status, stdout, stderr } = spawnSync("python3", argv, { encoding: "utf8", timeout: 20_000 });
    return { status, out: stdout + stderr };
  };
  const well = typed("secrex\u007ft\r|secret\r");
  t.is(well.status, 0, well.out);
  t.true(await fits(path, "ann", "secret"));
  t.regex(well.out, /password for ann: [\s\S]*once more: [\s\S]*added ann/);
  t.notRegex(well.out, /secre/);
  const differs = typed("one\r|two\r");
  t.is(differs.status, 2);
  t.regex(differs.out, /differ/);
  const interrupted = typed("x\u0003");
  t.is(interrupted.status, 130, interrupted.out);
  t.true(await fits(path, "ann", "secret"), "nothing was changed");
});

test("acl check says allowed or denied, by which line, and with which status", async (t) => {
  const acl = temporaryFolder(t).file("acl", "topic read news/#\nuser ann\ntopic a/#\ntopic deny a/secret\npattern write s/%c/%u\n");
  const cases: readonly (readonly [argv: readonly string[], status: number, says: RegExp])[] = [
    [["--receive", "news/1"], 0, /^allowed by .*acl:1: topic read news\/#\n$/],
    [["--publish", "news/1"], 1, /^denied by no line: no line grants it\n$/],
    [["--user", "ann", "--publish", "a/secret"], 1, /^denied by .*acl:4: topic deny a\/secret\n$/],
    [["--user", "ann", "--client-id", "c1", "--publish", "s/c1/ann"], 0, /acl:5: pattern write s\/%c\/%u/],
    [["--user", "ann", "--client-id", "c2", "--publish", "s/c1/ann"], 1, /^denied/],
    [["--user", "ann", "--subscribe", "$share/g/a/+"], 0, /acl:3/],
    [["--user", "ann", "--subscribe", "b/#"], 1, /no line grants a topic that it matches/],
    [["--user", "ann", "--publish", "$SYS/x"], 1, /\$SYS is the broker's own/],
  ];
  for (const [argv, status, says] of cases) {
    const answer = await cli(["acl", "check", acl, ...argv]);
    t.is(answer.status, status, argv.join(" ") + answer.err);
    t.regex(answer.out, says);
  }
  const { out } = await cli(["acl", "check", acl, "--user", "ann", "--client-id", "c1", "--publish", "a/b", "--json"]);
  t.deepEqual(JSON.parse(out), {
    allowed: true,
    question: "publish",
    topic: "a/b",
    user: "ann",
    clientId: "c1",
    line: 3,
    rule: "topic a/#",
    why: "granted",
  });
});

test("acl check refuses unclear questions and wrong files", async (t) => {
  const folder = temporaryFolder(t);
  const acl = folder.file("acl", "topic a\n");
  const wrong: readonly (readonly [argv: readonly string[], status: number, says: RegExp])[] = [
    [[acl, "a"], 2, /one of them/],
    [[acl, "a", "--publish", "--receive"], 2, /one of them/],
    [[acl, "a/#", "--publish"], 2, /wildcards/],
    [[folder.file("bad", "\ntopix a\n"), "a", "--publish"], 78, /bad:2: "topix"/],
    [[join(folder.path, "none"), "a", "--publish"], 78, /no such file/],
  ];
  for (const [argv, status, says] of wrong) {
    const answer = await cli(["acl", "check", ...argv]);
    t.is(answer.status, status, argv.join(" "));
    t.regex(answer.err, says);
  }
});

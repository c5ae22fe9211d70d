/** Hashes of passwords: mosquitto's own files, known answers of others, and ours. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import fc from "fast-check";
import {
  formatCredential,
  impossibleCredential,
  makeCredential,
  parseCredential,
  verifyCredential,
} from "../../src/security/credential.ts";
import { parsePasswordFile, unfitName } from "../../src/security/password-file.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const right = (text: string, password: string) => verifyCredential(parseCredential(text), Buffer.from(password));

test("verifyCredential() takes what the installed mosquitto_passwd wrote, $6$ and $7$", async (t) => {
  if (!existsSync("/usr/bin/mosquitto_passwd")) {
    t.log("skipped: mosquitto_passwd is not installed");
    t.pass();
    return;
  }
  const path = temporaryFolder(t).file("passwd", "");
  execFileSync("mosquitto_passwd", ["-b", path, "ann", "päss wörd"], { stdio: "ignore" });
  execFileSync("mosquitto_passwd", ["-H", "sha512", "-b", path, "old one", "secret"], { stdio: "ignore" });
  const users = parsePasswordFile(path, readFileSync(path));
  t.deepEqual(
    [...users].map(([name, { line, credential }]) => [name, line, credential.scheme]),
    [
      ["ann", 1, "pbkdf2-sha512"],
      ["old one", 2, "sha512"],
    ],
  );
  for (const [name, password] of [
    ["ann", "päss wörd"],
    ["old one", "secret"],
  ] as const) {
    const { credential } = users.get(name)!;
    t.true(await verifyCredential(credential, Buffer.from(password)));
    t.false(await verifyCredential(credential, Buffer.from(`${password}x`)));
    t.true(readFileSync(path, "utf8").includes(formatCredential(credential)), "and is written as it was");
  }
});

test("verifyCredential() knows Argon2, scrypt and SCRAM by others' examples", async (t) => {
  // libargon2's test.c, Argon2id v19, t 2, m 2^16, p 1.
  const argon2 = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  t.true(await right(argon2, "password"));
  t.false(await right(argon2, "Password"));
  t.is(formatCredential(parseCredential(argon2)), argon2);
  // RFC 7914 §12, N 1024, r 8, p 16.
  const expected = Buffer.from(
    "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
    "hex",
  );
  const scrypt = `$scrypt$ln=10,r=8,p=16$TmFDbA$${expected.toString("base64").replace(/=+$/, "")}`;
  t.true(await right(scrypt, "password"));
  t.false(await right(scrypt, "passwort"));
  t.is(formatCredential(parseCredential(scrypt)), scrypt);
});

test("makeCredential() makes hashes that fit their password alone and survive the file", async (t) => {
  for (const scheme of ["argon2id", "scram-sha-256"] as const) {
    const made = await makeCredential(Buffer.from("secret"), scheme);
    const text = formatCredential(made);
    t.regex(
      text,
      scheme === "argon2id" ? /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$=]+\$[^$=]+$/ : /^\$scram-sha-256\$i=16384\$[^$=]+\$[^$=]+\$[^$=]+$/,
    );
    t.deepEqual(parseCredential(text), made);
    t.true(await right(text, "secret"));
    t.false(await right(text, "secret "));
    t.false(await right(text, ""));
    t.not(formatCredential(await makeCredential(Buffer.from("secret"), scheme)), text, "each with a salt of its own");
  }
});

test("impossibleCredential() costs what the file's do and fits nothing", async (t) => {
  const like = parseCredential("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
  const impossible = impossibleCredential(like);
  t.like(impossible, { scheme: "argon2id", memoryKiB: 64, passes: 1, parallelism: 1 });
  t.false(await verifyCredential(impossible, Buffer.from("password")));
  t.like(impossibleCredential(undefined), { scheme: "argon2id", memoryKiB: 19_456 });
});

test("parsePasswordFile() names file and line of what is wrong", (t) => {
  const salt = "c29tZXNhbHQ";
  const good = `ann:$argon2id$v=19$m=64,t=1,p=1$${salt}$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc`;
  const wrong: readonly (readonly [line: string, says: RegExp])[] = [
    ["ann", /no colon/],
    [":x", /the user name is empty/],
    ["bob:", /not hashed/],
    ["bob:secret", /not hashed/],
    [good, /user "ann" was in line 2 already/],
    ["bob:$5$a$b", /kind "\$5\$" are not known/],
    ["bob:$6$YQ==", /2 fields/],
    ["bob:$6$YQ==$YQ==", /the hash has 1 bytes; 64 are right/],
    ["bob:$6$YQ==$", /the hash is not base64/],
    ["bob:$7$x$YQ==$YQ==", /iterations is no number/],
    ["bob:$7$0$YQ==$YQ==", /iterations is 0/],
    ["bob:$7$1$Y*==$YQ==", /salt is not base64/],
    [`bob:$argon2id$v=16$m=64,t=1,p=1$${salt}$${salt}`, /version "v=16"/],
    [`bob:$argon2id$v=19$m=64,p=1,t=1$${salt}$${salt}`, /the cost must read m=…,t=…,p=…/],
    [`bob:$argon2id$v=19$m=99999999,t=1,p=1$${salt}$${salt}`, /m is 99999999/],
    [`bob:$argon2id$v=19$m=64,t=1,p=1$${salt}$YQ`, /the hash has 1 bytes; 16 to 128/],
    [`bob:$scram-sha-256$i=1$${salt}$YQ$YQ`, /i is 1; 4096/],
    [`bob:$scrypt$ln=30,r=8,p=1$${salt}$${salt}`, /ln is 30/],
  ];
  for (const [line, says] of wrong) {
    const error = t.throws(() => parsePasswordFile("passwd", Buffer.from(`# users\n${good}\n\n${line}\n`)), {
      instanceOf: MitsuError,
      message: says,
    }) as MitsuError;
    t.regex(error.message, /^passwd:4: /);
    t.is(error.code, "ERR_PASSWORD_FILE");
    t.truthy(error.hint);
  }
  t.is(parsePasswordFile("passwd", Buffer.from(`# users\r\n${good}\r\n`)).size, 1);
  t.true(parsePasswordFile("passwd", Buffer.from(` ann : ${good.slice(4)} \n`)).has("ann"), "blanks do not count, as in mosquitto");
  t.is(unfitName("ann"), undefined);
});

test("parsePasswordFile() of any bytes gives users, or an error with a line", (t) => {
  const part = fc.constantFrom(
    "ann",
    "bob",
    ":",
    "$",
    "6",
    "7",
    "argon2id",
    "scrypt",
    "scram-sha-256",
    "v=19",
    "m=64,t=1,p=1",
    "ln=4,r=8,p=1",
    "i=4096",
    "101",
    "c29tZXNhbHQ",
    Buffer.alloc(64, 1).toString("base64"),
    Buffer.alloc(32, 1).toString("base64"),
    "=",
    "#",
    "\0",
    " ",
  );
  const sound = fc.constantFrom("ann:$6$YQ==$", "bob:$7$101$YQ==$").map((head) => head + Buffer.alloc(64, 1).toString("base64"));
  const line = fc.oneof(
    { weight: 3, arbitrary: fc.array(part, { maxLength: 10 }).map((parts) => Buffer.from(parts.join(""))) },
    { weight: 2, arbitrary: sound.map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  );
  let users = 0;
  fc.assert(
    fc.property(fc.array(line, { maxLength: 3 }), (lines) => {
      try {
        users += parsePasswordFile("passwd", Buffer.concat(lines.flatMap((bytes) => [bytes, Buffer.from("\n")]))).size;
        return true;
      } catch (error) {
        return error instanceof MitsuError && error.code === "ERR_PASSWORD_FILE" && /^passwd:[0-9]+: /.test(error.message);
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
  t.true(users > 100, `${users} users were read`);
});

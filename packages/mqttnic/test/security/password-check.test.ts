/** Checking passwords: what waits, what is remembered, and that unknown users cost the same. */
import test from "ava";
import { type Credential, makeCredential, parseCredential, verifyCredential } from "../../src/security/credential.ts";
import { createPasswordCheck } from "../../src/security/password-check.ts";
import type { PasswordEntry } from "../../src/security/password-file.ts";

const cheap = parseCredential("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
const users = (...names: readonly string[]): ReadonlyMap<string, PasswordEntry> =>
  new Map(names.map((name, index) => [name, { line: index + 1, credential: cheap }]));

/** A hash whose end the test decides. */
function held() {
  const asked: { readonly credential: Credential; readonly password: string; end(right: boolean): void }[] = [];
  const verify = (credential: Credential, password: Buffer): Promise<boolean> =>
    new Promise((resolve) => {
      asked.push({ credential, password: password.toString(), end: resolve });
    });
  return { asked, verify };
}

test("check() bounds hashes at a time and those that wait", async (t) => {
  const { asked, verify } = held();
  const { check } = createPasswordCheck(users("ann"), { mostAtATime: 2, mostWaiting: 2, verify });
  const verdicts = ["1", "2", "3", "4"].map((password) => check("ann", Buffer.from(password)));
  t.is(asked.length, 2);
  t.is(check("ann", Buffer.from("5")), "busy");
  asked[0]!.end(false);
  t.is(await verdicts[0], "wrong");
  t.deepEqual(
    asked.map(({ password }) => password),
    ["1", "2", "3"],
  );
  asked[2]!.end(true);
  asked[1]!.end(false);
  t.is(await verdicts[2], "right");
  t.is(await verdicts[1], "wrong");
  asked[3]!.end(false);
  t.is(await verdicts[3], "wrong");
  const later = check("ann", Buffer.from("6"));
  t.is(asked.length, 5, "the turns are free again");
  asked[4]!.end(true);
  t.is(await later, "right");
});

test("check() hashes a right password once, and many devices' common password once", async (t) => {
  const { asked, verify } = held();
  const { check } = createPasswordCheck(users("ann", "bob"), { verify });
  const together = Array.from({ length: 100 }, () => check("ann", Buffer.from("secret")));
  t.is(asked.length, 1);
  asked[0]!.end(true);
  t.deepEqual(new Set(await Promise.all(together)), new Set(["right"]));
  t.is(check("ann", Buffer.from("secret")), "right", "at once");
  const others = [check("bob", Buffer.from("secret")), check("ann", Buffer.from("secreu"))];
  t.is(asked.length, 3, "another user and another password are not remembered");
  asked[1]!.end(false);
  asked[2]!.end(false);
  t.deepEqual(await Promise.all(others), ["wrong", "wrong"]);
  t.is(typeof check("bob", Buffer.from("secret")), "object", "a wrong one is hashed each time");
  t.is(check("ann", Buffer.from("secret")), "right", "a wrong try forgets nothing");
});

test("check() forgets the least recently used", async (t) => {
  const { check } = createPasswordCheck(users("a", "b", "c"), { mostRemembered: 2, verify: async () => true });
  const secret = Buffer.from("x");
  for (const name of ["a", "b"]) t.is(await check(name, secret), "right");
  t.is(check("a", secret), "right");
  t.is(await check("c", secret), "right");
  t.is(check("a", secret), "right");
  t.is(typeof check("b", secret), "object");
});

test("check() of an unknown user hashes with the file's cost and is wrong even if the hash should fit", async (t) => {
  const { asked, verify } = held();
  const { check } = createPasswordCheck(users("ann"), { verify });
  const verdict = check("nobody", Buffer.from("x"));
  t.like(asked[0]!.credential, { scheme: "argon2id", memoryKiB: 64, passes: 1 });
  asked[0]!.end(true);
  t.is(await verdict, "wrong");
  t.is(typeof check("nobody", Buffer.from("x")), "object", "and is not remembered");
});

test("check() survives a hash that fails", async (t) => {
  let failing = true;
  const verify = async (): Promise<boolean> => {
    if (failing) throw new Error("out of memory");
    return true;
  };
  const { check } = createPasswordCheck(users("ann"), { mostAtATime: 1, verify });
  await t.throwsAsync(async () => check("ann", Buffer.from("x")), { message: "out of memory" });
  failing = false;
  t.is(await check("ann", Buffer.from("x")), "right");
});

test("verifyCredential() leaves the loop free", async (t) => {
  const credential = await makeCredential(Buffer.from("secret"), "argon2id");
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const right = await verifyCredential(credential, Buffer.from("secret"));
  done = true;
  t.true(right);
  t.true(turns > 5, `${turns} turns of the loop meanwhile`);
});

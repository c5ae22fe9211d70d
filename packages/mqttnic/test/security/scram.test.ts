/** SCRAM-SHA-256: RFC 7677's own exchange, and what each wrong message comes to. */
import test from "ava";
import { saslPrep } from "../../src/security/saslprep.ts";
import { createScramExchange, type ScramUsers } from "../../src/security/scram.ts";
import { hmac, scramKeys, sha256 } from "../../src/security/scram-keys.ts";

const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const keys = await scramKeys(Buffer.from("pencil"), salt, 4096);
const users: ScramUsers = {
  find: (user) => (user === "user" || user === "a,b=c" ? keys : undefined),
  invent: () => ({ iterations: 4096, salt, storedKey: Buffer.alloc(32), serverKey: Buffer.alloc(32) }),
};
const serverNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const begun = () => createScramExchange(users, () => serverNonce);
const first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const last = `c=biws,r=rOprNGfwEbeRWgbNEkqO${serverNonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;

/** A client's last message, with the password it has. */
async function lastFor(password: string, gs2: string, bare: string, serverFirst: string): Promise<string> {
  const { pbkdf2Sync } = await import("node:crypto");
  const [, nonce, saltText, iterations] = /^r=([^,]+),s=([^,]+),i=([0-9]+)$/.exec(serverFirst)!;
  const salted = pbkdf2Sync(password, Buffer.from(saltText!, "base64"), Number(iterations), 32, "sha256");
  const withoutProof = `c=${Buffer.from(gs2).toString("base64")},r=${nonce}`;
  const clientKey = hmac(salted, "Client Key");
  const signature = hmac(sha256(clientKey), `${bare},${serverFirst},${withoutProof}`);
  return `${withoutProof},p=${Buffer.from(clientKey.map((byte, at) => byte ^ signature[at]!)).toString("base64")}`;
}

test("createScramExchange() goes as RFC 7677 §3 shows", (t) => {
  const exchange = begun();
  const answer = exchange.step(Buffer.from(first));
  t.deepEqual(answer, {
    kind: "continue",
    data: Buffer.from(`r=rOprNGfwEbeRWgbNEkqO${serverNonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`),
  });
  t.deepEqual(exchange.step(Buffer.from(last)), {
    kind: "done",
    user: "user",
    data: Buffer.from("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
  });
  t.like(exchange.step(Buffer.from(last)), { kind: "refused", why: "the exchange is over" });
});

test("createScramExchange() refuses wrong passwords, unknown users and replays", async (t) => {
  for (const [user, password] of [
    ["user", "pencils"],
    ["nobody", "pencil"],
  ] as const) {
    const exchange = begun();
    const bare = `n=${user},r=abc`;
    const answer = exchange.step(Buffer.from(`n,,${bare}`));
    t.is(answer.kind, "continue", "an unknown user is asked as any other");
    if (answer.kind !== "continue") return;
    t.is(exchange.step(Buffer.from(await lastFor(password, "n,,", bare, answer.data.toString()))).kind, "refused");
  }
  const replayed = createScramExchange(users);
  replayed.step(Buffer.from(first));
  t.like(replayed.step(Buffer.from(last)), { kind: "refused", why: "the nonce is another" });
});

test("createScramExchange() takes the client's y flag, its own name as authzid, and escaped names", async (t) => {
  for (const [gs2, name, user] of [
    ["y,,", "user", "user"],
    ["n,a=user,", "user", "user"],
    ["n,,", "a=2Cb=3Dc", "a,b=c"],
  ] as const) {
    const exchange = begun();
    const bare = `n=${name},r=abc,x=extension`;
    const answer = exchange.step(Buffer.from(gs2 + bare));
    if (answer.kind !== "continue") return t.fail(JSON.stringify(answer));
    t.like(exchange.step(Buffer.from(await lastFor("pencil", gs2, bare, answer.data.toString()))), { kind: "done", user });
  }
});

test("createScramExchange() refuses malformed messages", (t) => {
  const firsts: readonly (Buffer | undefined)[] = [
    undefined,
    ...[
      "",
      "n,,n=user",
      "n,,r=a,n=user",
      "n,,n=,r=a",
      "x,,n=user,r=a",
      "n,,m=1,n=user,r=a",
      "n,,n=us=er,r=a",
      "n,,n=user,r=a b",
      "n,,n=\u0007,r=a",
    ].map((text) => Buffer.from(text)),
    Buffer.from("p=tls-unique,,n=user,r=a"),
    Buffer.from("n,a=other,n=user,r=a"),
    Buffer.alloc(5000, "n"),
  ];
  for (const message of firsts) t.is(begun().step(message).kind, "refused", String(message?.subarray(0, 40)));
  for (const message of [
    "",
    last.replace("biws", "eSws"),
    last.replace("p=", "p=A"),
    last.replace(/,p=.*/, ",p=AAAA"),
    last.replace("c=biws,", ""),
    `${last}==`,
  ]) {
    const exchange = begun();
    exchange.step(Buffer.from(first));
    t.is(exchange.step(Buffer.from(message)).kind, "refused", message);
    t.like(exchange.step(Buffer.from(last)), { why: "the exchange is over" }, "there is one try");
  }
});

test("saslPrep() gives RFC 4013's examples", (t) => {
  t.is(saslPrep("I\u00ADX"), "IX");
  t.is(saslPrep("user"), "user");
  t.is(saslPrep("USER"), "USER");
  t.is(saslPrep("\u00AA"), "a");
  t.is(saslPrep("\u2168"), "IX");
  t.is(saslPrep("\u0007"), undefined);
  t.is(saslPrep("a\u00A0b"), "a b");
  t.is(saslPrep(""), undefined);
});

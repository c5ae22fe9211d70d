/** Tokens as passwords: which are taken, for how long, and that keys and algorithms must fit each other. */
import { generateKeyPairSync } from "node:crypto";
import { MitsuError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import { exportJWK, type JWTPayload, SignJWT } from "jose";
import type { JwtConfig } from "../../src/config/broker-config.ts";
import { looksLikeToken, openJwt } from "../../src/security/jwt.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const nowS = 1_800_000_000;
const now = (): number => nowS * 1000;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ecPem = ec.publicKey.export({ type: "spki", format: "pem" }) as string;
const secret = "0123456789abcdef0123456789abcdef";
const good = { sub: "ann", iss: "us", aud: "mqtt", exp: nowS + 60 };

const signed = (claims: JWTPayload, key: Parameters<SignJWT["sign"]>[0] = ec.privateKey, alg = "ES256", kid?: string): Promise<string> =>
  new SignJWT(claims).setProtectedHeader(kid === undefined ? { alg } : { alg, kid }).sign(key);

const configOf = (keyFile: string, change: Partial<JwtConfig> = {}): JwtConfig => ({
  keyFile,
  algorithms: ["ES256"],
  issuer: "us",
  audience: "mqtt",
  usernameClaim: "sub",
  ...change,
});
const opened = (t: ExecutionContext, key: string | Uint8Array, change: Partial<JwtConfig> = {}) =>
  openJwt(configOf(temporaryFolder(t).file("key", key), change), now);

test("check() takes a signed token until its exp, under the claim's name", async (t) => {
  const jwt = await opened(t, ecPem);
  const judgement = await jwt.check(Buffer.from(await signed(good)), undefined);
  t.deepEqual(judgement, { ok: true, identity: { username: "ann", by: "jwt", untilMs: (nowS + 60) * 1000, peerNode: undefined } });
  t.true((await jwt.check(Buffer.from(await signed(good)), "ann")).ok);
  t.like(await jwt.check(Buffer.from(await signed(good)), "bob"), { ok: false, reasonCode: 0x86 });
  const byMail = await opened(t, ecPem, { usernameClaim: "mail", issuer: undefined, audience: undefined });
  t.like(await byMail.check(Buffer.from(await signed({ mail: "a@b", exp: nowS + 1 })), undefined), {
    ok: true,
    identity: { username: "a@b" },
  });
});

test("check() refuses what is over, not yet, of others, for others, unsigned or without a name", async (t) => {
  const jwt = await opened(t, ecPem);
  const wrong: Readonly<Record<string, JWTPayload>> = {
    over: { ...good, exp: nowS - 1 },
    "not yet": { ...good, nbf: nowS + 60 },
    "without exp": { ...good, exp: undefined as never },
    issuer: { ...good, iss: "them" },
    audience: { ...good, aud: "http" },
    "no name": { ...good, sub: undefined as never },
    "empty name": { ...good, sub: "" },
    "a number as name": { ...good, sub: 7 as never },
  };
  for (const [why, claims] of Object.entries(wrong)) {
    t.like(await jwt.check(Buffer.from(await signed(JSON.parse(JSON.stringify(claims)))), undefined), { ok: false, reasonCode: 0x86 }, why);
  }
  t.false((await jwt.check(Buffer.from(await signed(good, other.privateKey)), undefined)).ok, "another key");
  const [head, body, signature] = (await signed(good)).split(".");
  const none = Buffer.from('{"alg":"none"}').toString("base64url");
  const root = Buffer.from(JSON.stringify({ ...good, sub: "root" })).toString("base64url");
  for (const token of [`${none}.${body}.`, `${none}.${body}.${signature}`, `${head}.${root}.${signature}`, `${head}.${body}`, "", "ÿ"]) {
    t.false((await jwt.check(Buffer.from(token), undefined)).ok, token);
  }
});

test("check() never takes a public key for a secret, nor an algorithm that is not allowed", async (t) => {
  const jwt = await opened(t, ecPem);
  t.false((await jwt.check(Buffer.from(await signed(good, Buffer.from(ecPem), "HS256")), undefined)).ok);
  const bySecret = await opened(t, secret, { algorithms: ["HS512", "HS256"] }).catch((error) => error);
  t.true(bySecret instanceof MitsuError, "32 bytes are too few for HS512");
  const hs = await opened(t, `${secret}\n`, { algorithms: ["HS256"] });
  t.true((await hs.check(Buffer.from(await signed(good, Buffer.from(secret), "HS256")), "ann")).ok, "the line end is no part of it");
  t.false((await hs.check(Buffer.from(await signed(good, Buffer.from(secret.repeat(2)), "HS512")), "ann")).ok);
});

test("openJwt() takes a JWK set, with and without key ids", async (t) => {
  const set = JSON.stringify({
    keys: [
      { ...(await exportJWK(other.publicKey)), kid: "1", alg: "ES256" },
      { ...(await exportJWK(ec.publicKey)), kid: "2", alg: "ES256" },
    ],
  });
  const jwt = await opened(t, set);
  t.true((await jwt.check(Buffer.from(await signed(good, ec.privateKey, "ES256", "2")), undefined)).ok);
  t.true((await jwt.check(Buffer.from(await signed(good)), undefined)).ok, "each key is tried");
  t.false((await jwt.check(Buffer.from(await signed(good, ec.privateKey, "ES256", "1")), undefined)).ok);
  t.false((await jwt.check(Buffer.from(await signed(good, ec.privateKey, "ES256", "3")), undefined)).ok);
});

test("openJwt() refuses keys that do not fit, naming the file", async (t) => {
  const privatePem = ec.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const privateSet = JSON.stringify({ keys: [await exportJWK(ec.privateKey)] });
  const wrong: readonly (readonly [key: string, change: Partial<JwtConfig>, says: RegExp])[] = [
    [ecPem, { algorithms: ["HS256"] }, /a PEM key, but HS256/],
    [ecPem, { algorithms: [] }, /no algorithm/],
    [ecPem, { algorithms: ["none"] }, /"none" is not known/],
    [privatePem, {}, /a private key/],
    [privateSet, {}, /a private key/],
    ["-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n", {}, /no public key/],
    ["{", {}, /no JWK set/],
    ['{"keys":[]}', {}, /no key/],
    [secret, {}, /a secret, but/],
    ["short", { algorithms: ["HS256"] }, /has 5 bytes, 32 are needed/],
  ];
  for (const [key, change, says] of wrong) {
    const error = (await t.throwsAsync(() => opened(t, key, change), { instanceOf: MitsuError, message: says })) as MitsuError;
    t.is(error.code, "ERR_JWT_KEY");
    t.truthy(error.hint);
  }
  await t.throwsAsync(openJwt(configOf("/none/key"), now), { message: /cannot read the JWT key file \/none\/key: no such file/ });
});

test("looksLikeToken() tells tokens from passwords", async (t) => {
  t.true(looksLikeToken(Buffer.from(await signed(good))));
  for (const password of ["", "secret", "a.b.c", "eyJ.eyJ.x", "eyJhIjoxfQ.e30.x"]) t.false(looksLikeToken(Buffer.from(password)), password);
});

/** Passwords that are JSON Web Tokens. [RFC 7519] @module */
import { createPublicKey } from "node:crypto";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { JwtConfig } from "../config/broker-config.ts";
import { refusal } from "./judgement.ts";
import type { Judgement } from "./security.ts";
import { type FileKind, fileError, readBytes } from "./text-file.ts";

const jwtFileKind: FileKind = { noun: "JWT key file", code: "ERR_JWT_KEY" };

/** Signatures that can be allowed, and the bytes that a secret has at least. [RFC 7518 §3.2] */
const secretBytes: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };
const publicAlgorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];

/** Judges tokens. */
export interface JwtCheck {
  /** @param username The CONNECT's, which must be the token's where there is one. */
  check(token: Buffer, username: string | undefined): Promise<Judgement>;
}

/** Whether it looks like a token: three parts of base64url, of which the first is JSON with `alg`. */
export function looksLikeToken(password: Buffer): boolean {
  const text = password.toString("latin1");
  const header = /^(eyJ[A-Za-z0-9_-]*)\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$/.exec(text)?.[1];
  return header !== undefined && Buffer.from(header, "base64url").includes('"alg"');
}

/**
 * Reads the key file: PEM of a public key or certificate, a JWK set, or a secret (one line end after text is not part of it).
 *
 * @throws {MitsuError} `ERR_JWT_KEY` when it does not fit the algorithms that are allowed, so that no public key is ever taken for a secret.
 */
export async function openJwt(config: JwtConfig, now: () => number): Promise<JwtCheck> {
  const { algorithms, keyFile, issuer, audience, usernameClaim } = config;
  const unknown = algorithms.find((name) => !(name in secretBytes) && !publicAlgorithms.includes(name));
  if (unknown !== undefined || algorithms.length === 0) {
    throw new MitsuError(unknown === undefined ? "jwt: no algorithm is allowed" : `jwt: the algorithm "${unknown}" is not known`, {
      code: jwtFileKind.code,
      exit: exitStatus.config,
      hint: `name some of ${[...publicAlgorithms, ...Object.keys(secretBytes)].join(", ")}`,
    });
  }
  const verify = verifierOf(await readBytes(jwtFileKind, keyFile), config);
  const options = {
    algorithms: [...algorithms],
    // A token that never ends could not be taken back.
    requiredClaims: ["exp", usernameClaim],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  return {
    async check(token, username) {
      let claims: JWTPayload;
      try {
        claims = await verify(token.toString("latin1"), { ...options, currentDate: new Date(now()) });
      } catch (error) {
        return refusal(0x86, `the token is not accepted: ${error instanceof errors.JOSEError ? error.message : String(error)}`);
      }
      const name = claims[usernameClaim];
      if (typeof name !== "string" || name === "") return refusal(0x86, `the token's claim "${usernameClaim}" is no name`);
      if (username !== undefined && username !== name) return refusal(0x86, `the token is of "${name}", the user name says "${username}"`);
      return { ok: true, identity: { username: name, by: "jwt", untilMs: claims.exp! * 1000, peerNode: undefined } };
    },
  };
}

type Verify = (token: string, options: Parameters<typeof jwtVerify>[2]) => Promise<JWTPayload>;

function verifierOf(bytes: Buffer, { algorithms, keyFile }: JwtConfig): Verify {
  const wrong = (why: string, hint: string): MitsuError => fileError(jwtFileKind, keyFile, 0, why, hint);
  const text = bytes.toString("utf8").trim();
  const secrets = algorithms.filter((name) => name in secretBytes);
  if (text.startsWith("-----BEGIN")) {
    if (secrets.length > 0)
      throw wrong(`a PEM key, but ${secrets.join(", ")} needs a secret`, "allow only algorithms of public keys, such as ES256");
    if (text.includes("PRIVATE KEY")) throw wrong("a private key", "give the broker the public key only: openssl pkey -pubout");
    try {
      const key = createPublicKey(text);
      return async (token, options) => (await jwtVerify(token, key, options)).payload;
    } catch {
      throw wrong("no public key can be read from this PEM", "write it with: openssl pkey -pubout");
    }
  }
  if (text.startsWith("{")) {
    let set: JWTVerifyGetKey & { jwks(): JSONWebKeySet };
    try {
      set = createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
    } catch (cause) {
      throw wrong(`no JWK set: ${(cause as Error).message}`, 'it reads { "keys": [ … ] }');
    }
    if (set.jwks().keys.length === 0) throw wrong("the JWK set has no key", "put a key into it");
    if (set.jwks().keys.some((key) => "d" in key)) throw wrong("the JWK set has a private key", "give the broker public keys only");
    return (token, options) => verifyBySet(token, set, options);
  }
  if (secrets.length < algorithms.length)
    throw wrong("a secret, but public-key algorithms are allowed", "give a PEM public key or a JWK set, or allow HS256 only");
  // A text file ends with a line end that nobody means; random bytes may end with 10 too.
  const secret = /^[\x20-\x7e]+\r?\n$/.test(bytes.toString("latin1")) ? Buffer.from(text) : bytes;
  const least = Math.max(...secrets.map((name) => secretBytes[name]!));
  if (secret.length < least)
    throw wrong(`the secret has ${secret.length} bytes, ${least} are needed`, `openssl rand -base64 ${least} > ${keyFile}`);
  return async (token, options) => (await jwtVerify(token, secret, options)).payload;
}

/** Without a key id in the token several keys may fit: each is tried. */
async function verifyBySet(token: string, set: JWTVerifyGetKey, options: Parameters<typeof jwtVerify>[2]): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, set, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (inner) {
        if (!(inner instanceof errors.JWSSignatureVerificationFailed)) throw inner;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** What a password file keeps of a password: five forms, each `$`-separated text after `user:`. @module */
import { argon2 as argon2Callback, createHash, pbkdf2 as pbkdf2Callback, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { type ScramKeys, scramKeys } from "./scram-keys.ts";

const argon2 = promisify(argon2Callback);
const pbkdf2 = promisify(pbkdf2Callback);

/** A parsed credential. */
export type Credential =
  | {
      readonly scheme: "argon2id" | "argon2i" | "argon2d";
      readonly memoryKiB: number;
      readonly passes: number;
      readonly parallelism: number;
      readonly salt: Buffer;
      readonly hash: Buffer;
    }
  | {
      readonly scheme: "scrypt";
      /** N is 2 to this. */
      readonly logCost: number;
      readonly blockSize: number;
      readonly parallelism: number;
      readonly salt: Buffer;
      readonly hash: Buffer;
    }
  /** mosquitto 1.x: SHA-512 of password and salt. */
  | { readonly scheme: "sha512"; readonly salt: Buffer; readonly hash: Buffer }
  /** mosquitto 2.x. */
  | { readonly scheme: "pbkdf2-sha512"; readonly iterations: number; readonly salt: Buffer; readonly hash: Buffer }
  | ({ readonly scheme: "scram-sha-256" } & ScramKeys);

/** OWASP's first choice for Argon2id with 19 MiB; about 30 ms here. */
const argon2Cost = { memoryKiB: 19_456, passes: 2, parallelism: 1 } as const;
/** Iterations of SCRAM: RFC 7677 asks for 4096 at least; the client pays for them too. */
const scramIterations = 16_384;

/**
 * Parses what stands after `user:`.
 *
 * @throws {Error} whose message says what is wrong; the caller adds file and line.
 */
export function parseCredential(text: string): Credential {
  const [empty, scheme, ...parts] = text.split("$");
  if (empty !== "" || scheme === undefined) throw new Error("the password is not hashed");
  switch (scheme) {
    case "argon2id":
    case "argon2i":
    case "argon2d": {
      const [version, cost, salt, hash] = fields(parts, 4);
      if (version !== "v=19") throw new Error(`Argon2 of version "${version}" is not known, v=19 is`);
      const { m, t, p } = numbers(cost!, ["m", "t", "p"]);
      inRange("m", m!, 8 * Math.max(1, p!), 1 << 20);
      inRange("t", t!, 1, 64);
      inRange("p", p!, 1, 64);
      // RFC 9106 §3.1: the salt has 8 bytes at least.
      return {
        scheme,
        memoryKiB: m!,
        passes: t!,
        parallelism: p!,
        salt: base64("salt", salt!, 8, 256),
        hash: base64("hash", hash!, 16, 128),
      };
    }
    case "scrypt": {
      const [cost, salt, hash] = fields(parts, 3);
      const { ln, r, p } = numbers(cost!, ["ln", "r", "p"]);
      inRange("ln", ln!, 1, 20);
      inRange("r", r!, 1, 32);
      inRange("p", p!, 1, 16);
      return {
        scheme,
        logCost: ln!,
        blockSize: r!,
        parallelism: p!,
        salt: base64("salt", salt!, 1, 256),
        hash: base64("hash", hash!, 16, 128),
      };
    }
    case "6": {
      const [salt, hash] = fields(parts, 2);
      return { scheme: "sha512", salt: base64("salt", salt!, 1, 256), hash: base64("hash", hash!, 64, 64) };
    }
    case "7": {
      const [iterations, salt, hash] = fields(parts, 3);
      return {
        scheme: "pbkdf2-sha512",
        iterations: inRange("iterations", integer("iterations", iterations!), 1, 10_000_000),
        salt: base64("salt", salt!, 1, 256),
        hash: base64("hash", hash!, 64, 64),
      };
    }
    case "scram-sha-256": {
      const [cost, salt, storedKey, serverKey] = fields(parts, 4);
      return {
        scheme,
        iterations: inRange("i", numbers(cost!, ["i"]).i!, 4096, 10_000_000),
        salt: base64("salt", salt!, 1, 256),
        storedKey: base64("stored key", storedKey!, 32, 32),
        serverKey: base64("server key", serverKey!, 32, 32),
      };
    }
    default:
      throw new Error(`hashes of the kind "$${scheme.slice(0, 20)}$" are not known`);
  }
}

/** The other way round; mosquitto's forms padded as it writes them, ours as PHC strings. */
export function formatCredential(credential: Credential): string {
  const phc = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");
  const salt = phc(credential.salt);
  switch (credential.scheme) {
    case "sha512":
      return `$6$${credential.salt.toString("base64")}$${credential.hash.toString("base64")}`;
    case "pbkdf2-sha512":
      return `$7$${credential.iterations}$${credential.salt.toString("base64")}$${credential.hash.toString("base64")}`;
    case "scrypt": {
      const { logCost, blockSize, parallelism, hash } = credential;
      return `$scrypt$ln=${logCost},r=${blockSize},p=${parallelism}$${salt}$${phc(hash)}`;
    }
    case "scram-sha-256":
      return `$scram-sha-256$i=${credential.iterations}$${salt}$${phc(credential.storedKey)}$${phc(credential.serverKey)}`;
    default: {
      const { scheme, memoryKiB, passes, parallelism, hash } = credential;
      return `$${scheme}$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${salt}$${phc(hash)}`;
    }
  }
}

/** Hashes a password for the file: Argon2id, or SCRAM-SHA-256's keys. Works on libuv's pool, the loop goes on. */
export async function makeCredential(password: Buffer, scheme: "argon2id" | "scram-sha-256"): Promise<Credential> {
  const salt = randomBytes(16);
  if (scheme === "scram-sha-256") return { scheme, ...(await scramKeys(password, salt, scramIterations)) };
  const made = { scheme, ...argon2Cost, salt, hash: Buffer.alloc(32) } as const;
  return { ...made, hash: await derive(made, password) };
}

/** A credential that costs as much to check as `like`, or as a new one, and that no password fits. */
export function impossibleCredential(like: Credential | undefined): Credential {
  const salt = randomBytes(like?.salt.length ?? 16);
  if (!like) return { scheme: "argon2id", ...argon2Cost, salt, hash: randomBytes(32) };
  if (like.scheme === "scram-sha-256") return { ...like, salt, storedKey: randomBytes(32), serverKey: randomBytes(32) };
  return { ...like, salt, hash: randomBytes(like.hash.length) };
}

/** Whether the password is the one; compared in constant time. */
export async function verifyCredential(credential: Credential, password: Buffer): Promise<boolean> {
  const expected = credential.scheme === "scram-sha-256" ? credential.storedKey : credential.hash;
  return timingSafeEqual(await derive(credential, password), expected);
}

async function derive(credential: Credential, password: Buffer): Promise<Buffer> {
  switch (credential.scheme) {
    case "sha512":
      return createHash("sha512").update(password).update(credential.salt).digest();
    case "pbkdf2-sha512":
      return pbkdf2(password, credential.salt, credential.iterations, 64, "sha512");
    case "scrypt": {
      const { logCost, blockSize, parallelism, salt, hash } = credential;
      const cost = 2 ** logCost;
      // OpenSSL needs a little more than 128·N·r.
      const options = {
        cost,
        blockSize,
        parallelization: parallelism,
        maxmem: 129 * cost * blockSize + 128 * blockSize * parallelism + 65_536,
      };
      return new Promise((resolve, reject) => {
        scrypt(password, salt, hash.length, options, (error, key) => (error ? reject(error) : resolve(key)));
      });
    }
    case "scram-sha-256":
      return (await scramKeys(password, credential.salt, credential.iterations)).storedKey;
    default: {
      const { scheme, memoryKiB, passes, parallelism, salt, hash } = credential;
      return argon2(scheme, { message: password, nonce: salt, parallelism, tagLength: hash.length, memory: memoryKiB, passes });
    }
  }
}

function fields(parts: readonly string[], count: number): readonly string[] {
  if (parts.length !== count) throw new Error(`${count} fields must follow the kind of hash, there are ${parts.length}`);
  return parts;
}

function integer(name: string, text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new Error(`${name} is no number: "${text.slice(0, 20)}"`);
  return Number(text);
}

function numbers(text: string, names: readonly string[]): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  const pairs = text.split(",");
  for (const [index, name] of names.entries()) {
    const [key, value, ...more] = (pairs[index] ?? "").split("=");
    if (key !== name || value === undefined || more.length > 0 || pairs.length !== names.length) {
      throw new Error(`the cost must read ${names.map((one) => `${one}=…`).join(",")}`);
    }
    found[name] = integer(name, value);
  }
  return found;
}

function inRange(name: string, value: number, least: number, most: number): number {
  if (value < least || value > most) throw new Error(`${name} is ${value}; ${least} to ${most} is allowed`);
  return value;
}

function base64(name: string, text: string, least: number, most: number): Buffer {
  const unpadded = text.replace(/={0,2}$/, "");
  const bytes = Buffer.from(unpadded, "base64");
  if (!/^[A-Za-z0-9+/]+$/.test(unpadded) || bytes.toString("base64").replace(/=+$/, "") !== unpadded)
    throw new Error(`the ${name} is not base64`);
  if (bytes.length < least || bytes.length > most) {
    throw new Error(`the ${name} has ${bytes.length} bytes; ${least === most ? least : `${least} to ${most}`} are right`);
  }
  return bytes;
}

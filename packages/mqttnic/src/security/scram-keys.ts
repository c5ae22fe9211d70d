/** The keys that SCRAM-SHA-256 keeps of a password. [RFC 5802 §3] @module */
import { createHash, createHmac, pbkdf2 as pbkdf2Callback } from "node:crypto";
import { promisify } from "node:util";
import { saslPrep } from "./saslprep.ts";

const pbkdf2 = promisify(pbkdf2Callback);

/** What the server keeps: nothing here lets anybody log in without the password. */
export interface ScramKeys {
  readonly iterations: number;
  readonly salt: Buffer;
  /** H(ClientKey), 32 bytes. */
  readonly storedKey: Buffer;
  /** 32 bytes; proves the server to the client. */
  readonly serverKey: Buffer;
}

/** HMAC-SHA-256. */
export const hmac = (key: Buffer, data: string | Buffer): Buffer => createHmac("sha256", key).update(data).digest();
/** SHA-256. */
export const sha256 = (data: Buffer): Buffer => createHash("sha256").update(data).digest();

/** Derives the keys; PBKDF2 works on libuv's pool, the loop goes on. */
export async function scramKeys(password: Buffer, salt: Buffer, iterations: number): Promise<ScramKeys> {
  const salted = await pbkdf2(preparedPassword(password), salt, iterations, 32, "sha256");
  return { iterations, salt, storedKey: sha256(hmac(salted, "Client Key")), serverKey: hmac(salted, "Server Key") };
}

/** What is no text is taken as it is: it can only be a plain password, and fits none. */
function preparedPassword(password: Buffer): Buffer {
  const prepared = saslPrep(password.toString("utf8"));
  return prepared === undefined ? password : Buffer.from(prepared);
}

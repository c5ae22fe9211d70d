/**
 * Who vouches for a module: an ed25519 signature in its last section, over all bytes before it.
 *
 * The section holds one byte for the form, 8 bytes of the key's id and 64 bytes of signature, so that
 * `openssl pkeyutl -verify -rawin` can check it with the file cut in two.
 *
 * Source: RFC 8032; WebAssembly 2.0 §5.5.3.
 *
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign as signBytes, verify as verifyBytes } from "node:crypto";
import { ByteWriter } from "./byte-writer.ts";
import { filterError, place } from "./filter-error.ts";
import { ownSection, signatureSection, withoutSections } from "./own-sections.ts";
import { customSection } from "./sections.ts";

const form = 1;
const idBytes = 8;
const signatureBytes = 64;

/** A key: Node's object, or PEM. */
export type Key = KeyObject | string | Uint8Array;

function keyOf(key: Key, kind: "private" | "public"): KeyObject {
  let read: KeyObject;
  try {
    const given = key instanceof Uint8Array ? Buffer.from(key) : key;
    if (typeof given === "string" || Buffer.isBuffer(given)) read = kind === "private" ? createPrivateKey(given) : createPublicKey(given);
    else read = kind === "public" && given.type === "private" ? createPublicKey(given) : given;
  } catch (cause) {
    throw filterError("signature", `the ${kind} key cannot be read`, "give an ed25519 key in PEM; meshfilters keygen makes one", cause);
  }
  if (read.asymmetricKeyType !== "ed25519" || read.type !== kind)
    throw filterError(
      "signature",
      `the key is ${read.asymmetricKeyType ?? "symmetric"} and ${read.type}, not ed25519 and ${kind}`,
      "meshfilters keygen makes one",
    );
  return read;
}

/**
 * The name of a key: the first 8 bytes, in hex, of the SHA-256 of its public half (SubjectPublicKeyInfo in DER).
 *
 * @throws {MitsuError} `ERR_FILTER_SIGNATURE` for anything but an ed25519 key.
 */
export function keyId(key: Key): string {
  const spki = keyOf(key, "public").export({ type: "spki", format: "der" });
  return createHash("sha256")
    .update(spki)
    .digest("hex")
    .slice(0, 2 * idBytes);
}

/**
 * Signs a module, in the place of a signature that was there. The same module and key give the same bytes.
 *
 * @param privateKey Of ed25519.
 * @throws {MitsuError} `ERR_FILTER_SIGNATURE` for another key; `ERR_FILTER_MALFORMED`.
 */
export function sign(bytes: Uint8Array, privateKey: Key): Uint8Array<ArrayBuffer> {
  const key = keyOf(privateKey, "private");
  const content = withoutSections(bytes, [signatureSection]);
  const section = new ByteWriter(1 + idBytes + signatureBytes)
    .byte(form)
    .bytes(Buffer.from(keyId(key), "hex"))
    .bytes(signBytes(null, content, key));
  return new ByteWriter(content.length + 128).bytes(content).bytes(customSection(signatureSection, section.view())).take();
}

interface Signature {
  readonly keyId: string;
  readonly signature: Uint8Array;
  /** What is signed. */
  readonly content: Uint8Array;
}

function readSignature(bytes: Uint8Array): Signature | undefined {
  const section = ownSection(bytes, signatureSection);
  if (section === undefined) return undefined;
  const refuse = (what: string) =>
    filterError(
      "signature",
      `its signature ${what} ${place(section.start, `section ${signatureSection}`)}`,
      "sign it again with meshfilters sign",
    );
  if (section.end !== bytes.length) throw refuse("is not the last section: something was added after it was signed");
  const content = bytes.subarray(section.content, section.end);
  if (content[0] !== form) throw refuse(`has form ${content[0] ?? "none"}, not ${form}`);
  if (content.length !== 1 + idBytes + signatureBytes) throw refuse(`has ${content.length} bytes, not ${1 + idBytes + signatureBytes}`);
  const id = Buffer.from(content.subarray(1, 1 + idBytes)).toString("hex");
  return { keyId: id, signature: content.subarray(1 + idBytes), content: bytes.subarray(0, section.start) };
}

/**
 * The id of the key that signed a module, if it is signed; whether rightly is for {@link verify} to say.
 *
 * @throws {MitsuError} `ERR_FILTER_SIGNATURE` if the section is not of the right form.
 */
export function signedBy(bytes: Uint8Array): string | null {
  return readSignature(bytes)?.keyId ?? null;
}

/**
 * Insists that one of the keys signed a module.
 *
 * @param publicKeys Those that are trusted.
 * @returns The id of the key that did.
 * @throws {MitsuError} `ERR_FILTER_UNSIGNED`, or `ERR_FILTER_SIGNATURE`: another key, or bytes that were changed afterwards.
 */
export function verify(bytes: Uint8Array, publicKeys: readonly Key[]): string {
  const found = readSignature(bytes);
  if (found === undefined)
    throw filterError("unsigned", "it is not signed", "sign it with meshfilters sign, or take the key out of mesh.yaml");
  const keys = publicKeys.map((key) => keyOf(key, "public"));
  const key = keys.find((one) => keyId(one) === found.keyId);
  if (key === undefined)
    throw filterError(
      "signature",
      `it is signed by key ${found.keyId}, not by ${keys.map(keyId).join(" or ") || "any that is trusted"}`,
      "sign it with the right key, or trust this one",
    );
  if (!verifyBytes(null, found.content, key, found.signature))
    throw filterError(
      "signature",
      `its signature by key ${found.keyId} is wrong: it was changed afterwards`,
      "copy it again, or build and sign it again",
    );
  return found.keyId;
}

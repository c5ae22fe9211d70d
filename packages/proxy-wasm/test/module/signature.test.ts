import { generateKeyPairSync, verify as verifyBytes } from "node:crypto";
import test from "ava";
import { keyId, sign, signedBy, stripOwn, verify } from "../../src/module/mod.ts";
import { customSection } from "../../src/module/sections.ts";
import { buildFilter } from "./module-builder.ts";

const team = generateKeyPairSync("ed25519");
const other = generateKeyPairSync("ed25519");
const pem = {
  private: team.privateKey.export({ type: "pkcs8", format: "pem" }),
  public: team.publicKey.export({ type: "spki", format: "pem" }),
};

test("verify() accepts what sign() signed, with keys as objects or PEM, and names the key", (t) => {
  const signed = sign(buildFilter(), pem.private);
  t.is(verify(signed, [other.publicKey, pem.public]), keyId(team.publicKey));
  t.is(signedBy(signed), keyId(Buffer.from(pem.public)));
  t.is(keyId(team.privateKey), keyId(team.publicKey));
  t.deepEqual(stripOwn(signed), buildFilter());
  t.is(signedBy(buildFilter()), null);
});

test("sign() gives the same bytes each time, and replaces a signature", (t) => {
  const signed = sign(buildFilter(), team.privateKey);
  t.deepEqual(sign(signed, team.privateKey), signed);
  const again = sign(signed, other.privateKey);
  t.is(verify(again, [other.publicKey]), keyId(other.publicKey));
});

test("sign() signs all bytes before its section, as any ed25519 program can check", (t) => {
  const signed = sign(buildFilter(), team.privateKey);
  t.true(verifyBytes(null, signed.subarray(0, buildFilter().length), team.publicKey, signed.subarray(-64)));
});

test("verify() refuses a module that is unsigned, signed by another, or changed in any byte", (t) => {
  t.throws(() => verify(buildFilter(), [team.publicKey]), { code: "ERR_FILTER_UNSIGNED" });
  const signed = sign(buildFilter(), team.privateKey);
  t.throws(() => verify(signed, [other.publicKey]), {
    code: "ERR_FILTER_SIGNATURE",
    message: /signed by key [0-9a-f]{16}, not by [0-9a-f]{16}/,
  });
  t.throws(() => verify(signed, []), { code: "ERR_FILTER_SIGNATURE" });
  for (let at = 0; at < signed.length; at++) {
    const changed = signed.slice();
    changed[at]! ^= 1;
    t.throws(() => verify(changed, [team.publicKey]), { message: /cannot use the filter/ }, `byte ${at}`);
  }
});

test("verify() refuses what was added behind the signature, and a second one", (t) => {
  const signed = sign(buildFilter(), team.privateKey);
  const added = new Uint8Array(Buffer.concat([signed, customSection("name", Uint8Array.of(0))]));
  t.throws(() => verify(added, [team.publicKey]), { code: "ERR_FILTER_SIGNATURE", message: /not the last section/ });
  const twice = new Uint8Array(Buffer.concat([signed, signed.subarray(buildFilter().length)]));
  t.throws(() => verify(twice, [team.publicKey]), { code: "ERR_FILTER_SIGNATURE", message: /there twice/ });
});

test("sign() and verify() refuse other keys", (t) => {
  const rsa = generateKeyPairSync("ec", { namedCurve: "P-256" });
  t.throws(() => sign(buildFilter(), rsa.privateKey), { code: "ERR_FILTER_SIGNATURE", message: /ec and private, not ed25519/ });
  t.throws(() => sign(buildFilter(), pem.public), { code: "ERR_FILTER_SIGNATURE", message: /private key cannot be read/ });
  t.throws(() => sign(buildFilter(), team.publicKey), { code: "ERR_FILTER_SIGNATURE" });
  t.throws(() => verify(sign(buildFilter(), team.privateKey), ["nonsense"]), {
    code: "ERR_FILTER_SIGNATURE",
    message: /public key cannot be read/,
  });
});

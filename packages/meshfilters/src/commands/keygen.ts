/** `meshfilters keygen`: a pair of keys to sign filters with. @module */
import { generateKeyPairSync } from "node:crypto";
import { type Context, print } from "@mitsu/cli";
import { keyId } from "@mitsu/proxy-wasm";
import { refuseOverwriting, writeOutput } from "../files/write-file.ts";

interface Arguments {
  readonly name: string;
  readonly force: boolean;
}

/** The private half can be read by its owner only. */
export async function run({ name, force }: Arguments, context: Context): Promise<void> {
  const files = { private: `${name}.key`, public: `${name}.pub` };
  if (!force) refuseOverwriting(Object.values(files), context.env);
  const { privateKey, publicKey } = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  writeOutput(files.private, privateKey, context.env, 0o600);
  writeOutput(files.public, publicKey, context.env);
  print(
    context,
    { ...files, keyId: keyId(publicKey) },
    (made) => `${made.private}: keep it to yourself\n${made.public}: key ${made.keyId}, for mesh.yaml's key\n`,
  );
}

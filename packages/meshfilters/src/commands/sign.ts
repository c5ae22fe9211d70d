/** `meshfilters sign`: vouches for a module, in its last section. @module */
import { type Context, print } from "@mitsu/cli";
import { inspectModule, keyId, sign } from "@mitsu/proxy-wasm";
import { readInput } from "../files/read-file.ts";
import { writeOutput } from "../files/write-file.ts";

interface Arguments {
  readonly module: string;
  readonly key: string;
  readonly output: string | undefined;
}

/** Only what could run is signed. */
export async function run({ module, key, output = module }: Arguments, context: Context): Promise<void> {
  const bytes = readInput(module, context.env);
  inspectModule(bytes);
  const pem = readInput(key, context.env);
  writeOutput(output, sign(bytes, pem), context.env);
  print(context, { output, keyId: keyId(pem) }, (made) => `${made.output}: signed by key ${made.keyId}\n`);
}

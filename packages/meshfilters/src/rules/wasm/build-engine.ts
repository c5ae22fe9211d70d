/** Compiles rules-engine.as; `node build-engine.ts --write` keeps the result in engine-module.ts, so that rules need no compiler where they are built. @module */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { loadAssemblyScript } from "../../compile/asc.ts";

const source = new URL("rules-engine.as", import.meta.url);
const target = new URL("engine-module.ts", import.meta.url);

/** What the compiler is asked for. */
const options = ["-O3", "--runtime", "stub", "--noAssert", "--use", "abort=", "--memoryBase", "64", "--disable", "sign-extension"];

/**
 * Compiles the engine: always to the same bytes.
 *
 * @throws {Error} with the compiler's words.
 */
export async function compileEngine(): Promise<Uint8Array> {
  const asc = await loadAssemblyScript();
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["rules-engine.ts", "--outFile", "rules-engine.wasm", ...options], {
    readFile: (name) => (name === "rules-engine.ts" ? readFileSync(source, "utf8") : null),
    writeFile: (_name, contents) => {
      if (typeof contents !== "string") binary = contents;
    },
    listFiles: () => [],
  });
  if (error || binary === undefined) throw new Error(`${stderr}`, { cause: error });
  return binary;
}

/** engine-module.ts with these bytes. */
export function engineModule(bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString("base64")
    .match(/.{1,130}/g)!;
  const sum = createHash("sha256").update(readFileSync(source)).digest("hex");
  return `/** rules-engine.as of sha256 ${sum}, compiled by build-engine.ts. @module */\n\n/** The module, in base64. */\nexport const engineBase64: string = \`\n${lines.join("\n")}\n\`;\n`;
}

if (import.meta.main) {
  const text = engineModule(await compileEngine());
  if (process.argv.includes("--write")) writeFileSync(target, text);
  else if (readFileSync(target, "utf8") !== text) {
    process.stderr.write(
      "engine-module.ts is not what rules-engine.as compiles to: node packages/meshfilters/src/rules/wasm/build-engine.ts --write\n",
    );
    process.exitCode = 1;
  }
}

/** `meshfilters new`: a filter that works, with its test. @module */
import { mkdirSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { type Context, exitStatus, MitsuError, print } from "@mitsu/cli";
import { assetText } from "../compile/sdk.ts";
import { refuseOverwriting, writeOutput } from "../files/write-file.ts";

interface Arguments {
  /** Of the choices, which are checked before. */
  readonly language: string;
  readonly folder: string;
  readonly force: boolean;
}

const endings: Readonly<Record<string, string>> = { assemblyscript: "ts", c: "c", cpp: "cpp", rust: "rs", go: "go", wat: "wat" };

function readmeOf(name: string, file: string): string {
  return `# ${name}

Puts \`x-${name}\` into every request.

- \`${file}\`: the filter. \`meshfilters build .\` makes \`${name}.wasm\`.
- \`test.yaml\`: requests and what is expected. \`meshfilters test .\` builds the filter and runs them, without a network.

In nicd's mesh.yaml:

\`\`\`yaml
filters:
  ${name}: { module: ${name}.wasm, config: "1" }
services:
  web: { filters: [${name}] }
\`\`\`
`;
}

/** Writes three files into the folder, whose name becomes the filter's. */
export async function run({ language, folder, force }: Arguments, context: Context): Promise<void> {
  const { env } = context;
  const path = resolve(env.cwd(), folder);
  const name = basename(path);
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(name))
    throw new MitsuError(`${folder}: ${JSON.stringify(name)} cannot be a filter's name`, {
      code: "ERR_USAGE",
      hint: "use lower-case letters, digits and hyphens, a letter first",
      exit: exitStatus.usage,
    });
  const ending = endings[language]!;
  const file = `${name}.${ending}`;
  const filled = (template: string): string =>
    assetText(template, env.readFile)
      .replaceAll("FILTER", name)
      .replaceAll("LENGTH", String(`x-${name}`.length));
  const files: readonly (readonly [string, string])[] = [
    [file, filled(`filter.${ending}`)],
    ["test.yaml", filled("test.yaml")],
    ["README.md", readmeOf(name, file)],
  ];
  const paths = files.map(([one]) => join(path, one));
  if (!force) refuseOverwriting(paths, env);
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new MitsuError(`cannot make ${folder}: ${(cause as Error).message}`, {
      code: "ERR_OUTPUT_UNWRITABLE",
      hint: "name another place",
      cause,
    });
  }
  for (const [one, text] of files) writeOutput(join(path, one), text, env);
  print(context, { name, language, files: paths }, (made) => made.files.map((one) => `${relative(env.cwd(), one)}\n`).join(""));
}

/**
 * The worked example of README.md: its files, and its commands with what they print.
 *
 *     node packages/placer/test/readme-example.ts --write
 *
 * runs the commands and puts what they print now into README.md.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where README.md is. */
export const readmePath: string = fileURLToPath(new URL("../README.md", import.meta.url));
const bin = fileURLToPath(new URL("../../../bin", import.meta.url));
const consoleBlock = /```console\n([\s\S]*?)```/g;

/** A command, and what README.md says that it prints. */
interface Said {
  readonly command: string;
  readonly output: string;
}

/** Commands of a README in order. */
export function saidBy(readme: string): readonly Said[] {
  return [...readme.matchAll(consoleBlock)].flatMap(([, block]) =>
    `\n${block!}`
      .split("\n$ ")
      .slice(1)
      .map((text) => {
        const [command, ...lines] = text.split("\n");
        return { command: command!, output: lines.join("\n").trimEnd() };
      }),
  );
}

/** Runs its commands one after the other in a folder with its files (yaml blocks that begin with `# <name>`); what each prints on stdout. */
export function printedBy(readme: string, commands: readonly string[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "placer-readme-"));
  try {
    for (const [, name, text] of readme.matchAll(/```yaml\n(?=# (\w+\.yaml)\n)([\s\S]*?)```/g)) writeFileSync(join(folder, name!), text!);
    return commands.map((command) => timeless(run(command, folder)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(command: string, folder: string): string {
  // The usual deadline would cut the search on a machine that does much else, and the answer would be another one. A small problem takes no longer with more.
  const patient = command.replaceAll("placer plan shop.yaml", "placer plan shop.yaml --deadline 60");
  return execFileSync("bash", ["-euo", "pipefail", "-c", patient], {
    cwd: folder,
    encoding: "utf8",
    timeout: 150_000,
    stdio: ["ignore", "pipe", "pipe"], // what it warns of is not shown, but in the message when it fails
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  });
}

/** Without what differs from run to run: how long it took, and spaces at the ends of lines. */
function timeless(text: string): string {
  return text
    .replace(/, by ([\w-]+) in [\d.]+ s$/gm, ", by $1 in 0.1 s")
    .replace(/ +$/gm, "")
    .trimEnd();
}

/** README.md with what its commands print now. */
function rewritten(readme: string): string {
  const commands = saidBy(readme).map(({ command }) => command);
  const printed = printedBy(readme, commands);
  let at = 0;
  return readme.replace(consoleBlock, (block) => {
    const texts = saidBy(block).map(({ command }) => `$ ${command}\n${printed[at++]}`.trimEnd());
    return `\`\`\`console\n${texts.join("\n\n")}\n\`\`\``;
  });
}

if (import.meta.main && process.argv.includes("--write")) writeFileSync(readmePath, rewritten(readFileSync(readmePath, "utf8")));

/**
 * The worked example of README.md: its files, its daemons, and its commands with what they print.
 *
 *     node packages/replicad/test/readme-example.ts --write
 *
 * runs it and puts what the commands print now into README.md.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Where README.md is. */
export const readmePath: string = fileURLToPath(new URL("../README.md", import.meta.url));
const bin = fileURLToPath(new URL("../../../bin", import.meta.url));
const consoleBlock = /```console\n([\s\S]*?)```/g;
/** Ports of the example, for which free ones are taken. */
const ports = [18_080, 18_081, 18_082, 18_083];

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

/** Starts what the example starts, in a folder with its files, and runs its commands one after the other; what each prints on stdout. */
export async function printedBy(readme: string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "replicad-readme-"));
  const free = await freePorts();
  const swapped = (text: string): string => text.replaceAll(/\b1808[0-3]\b/g, (port) => String(free[ports.indexOf(Number(port))]));
  try {
    for (const [, name, text] of readme.matchAll(/```(?:yaml|js)\n(?=(?:#|\/\/) (\w+\.(?:yaml|mjs))\b)([\s\S]*?)```/g))
      writeFileSync(join(folder, name!), swapped(text!));
    const start = /```sh\n(node replica\.mjs [\s\S]*?)```/.exec(readme)![1]!;
    const commands = saidBy(readme).map(({ command }, at) => `echo "@ ${at} @"; ${command}`);
    const script = swapped([around, start, ready, ...commands].join("\n"));
    const { stdout } = await promisify(execFile)("bash", ["-uo", "pipefail", "-c", script], {
      cwd: folder,
      timeout: 60_000,
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}`, bin },
    });
    const back = free.reduce((text, port, at) => text.replaceAll(`:${port}`, `:${ports[at]}`), stdout);
    return back
      .replaceAll(folder, "/run/mitsu")
      .replaceAll(/\bPATH +WHY$/gm, `PATH${" ".repeat("/run/mitsu/nicd.sock.load".length - 2)}WHY`)
      .split(/^@ \d+ @\n/m)
      .slice(1)
      .map((text) => text.replaceAll(/ +$/gm, "").trimEnd());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The daemons' sockets and files are in the folder; what runs in the background ends with the script. */
const around = `
trap 'kill $(jobs -p) 2>>log; wait' EXIT
nicd() { exec "$bin/nicd" "$@" --socket "$PWD/nicd.sock" --replicad "$PWD/replicad.sock" &>>log; }
replicad() {
  if [ "$1" = daemon ]; then exec "$bin/replicad" "$@" --socket "$PWD/replicad.sock" --nicd "$PWD/nicd.sock" --state "$PWD/state" &>>log; fi
  "$bin/replicad" --socket "$PWD/replicad.sock" "$@"
}
curl() { exec curl --retry 100 --retry-connrefused --retry-delay 1 "$@"; }
`;
/** Every replica has answered, also one that began later than nicd, and is slow-started therefore. */
const ready = `
until replicad replicas --json >now 2>>log && [ "$(grep -c '"serviceMs": [0-9]' now) $(grep -c '"standing": "healthy"' now)" = "3 3" ]; do
  kill -0 $!
  sleep 0.2
done
unset -f curl`;

async function freePorts(): Promise<number[]> {
  const servers = await Promise.all(
    ports.map(async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const free = servers.map((server) => (server.address() as { readonly port: number }).port).toSorted((a, b) => a - b);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return free;
}

/** Without what differs from run to run: figures, how columns are filled, and which replica wins. */
export function shapeOf(text: string): string {
  return text
    .replaceAll(/<?\d[\d.]*( (?:ms|µs|s)\b)?/g, "N")
    .replaceAll(/\bN (\w+?)s?\b(?=[ ,]|$)/gm, "N $1")
    .replaceAll(/^.* of the next requests, if nothing changes$/gm, "why")
    .replaceAll(/(\(here\)) .*$/gm, "$1")
    .replaceAll(/^→/gm, "")
    .replaceAll(/ +/g, " ")
    .replaceAll(/^ | $/gm, "");
}

/** README.md with what its commands print now. */
async function rewritten(readme: string): Promise<string> {
  const printed = await printedBy(readme);
  let at = 0;
  return readme.replace(consoleBlock, (block) => {
    const texts = saidBy(block).map(({ command }) => `$ ${command}\n${printed[at++]}`.trimEnd());
    return `\`\`\`console\n${texts.join("\n\n")}\n\`\`\``;
  });
}

if (import.meta.main && process.argv.includes("--write")) writeFileSync(readmePath, await rewritten(readFileSync(readmePath, "utf8")));

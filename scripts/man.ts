/** Makes the manual pages of packages/sockhijack/man out of their hand-written parts (`*.in`) and of what the sources say. @module */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { commandList, examples, globalOptions, synopsis } from "../packages/sockhijack/man/commands.ts";
import { capabilities, counters, exitStatuses, reasonList } from "../packages/sockhijack/man/facts.ts";
import { fields, mapPaths } from "../packages/sockhijack/man/fields.ts";
import { guarded, literal } from "../packages/sockhijack/man/mdoc.ts";
import { sockhijack } from "../packages/sockhijack/src/cli.ts";
import { placesOf } from "../packages/sockhijack/src/places.ts";

const folder = resolve(import.meta.dirname, "../packages/sockhijack/man");

/** One page: where it stands, and what should stand there. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/**
 * Puts values in the places of `@name@`.
 *
 * @throws {Error} for a place without a value, and for a value without a place: a fact must not get lost.
 */
export function fillIn(template: string, values: Readonly<Record<string, string>>): string {
  const unused = new Set(Object.keys(values));
  const text = template.replaceAll(/@([\w.]+)@/g, (_, name: string) => {
    if (values[name] === undefined) throw new Error(`there is no value for @${name}@`);
    unused.delete(name);
    return values[name];
  });
  if (unused.size > 0) throw new Error(`there is no place for ${[...unused].map((name) => `@${name}@`).join(", ")}`);
  return text;
}

/** Every manual page, made anew. */
export function manPages(): Page[] {
  const page = (name: string, values: Readonly<Record<string, string>>): Page => ({
    path: join(folder, name),
    text: fillIn(readFileSync(join(folder, `${name}.in`), "utf8"), values),
  });
  const { config, socket } = sockhijack.options;
  const paths = { config: String(config?.default), socket: String(socket?.default) };
  const { dnsPort, ...places } = placesOf(paths.socket);
  const example = readFileSync(join(folder, "mesh.yaml.example"), "utf8").trimEnd();
  return [
    page("sockhijack.8", {
      ...paths,
      ...places,
      dnsPort: String(dnsPort),
      summary: sockhijack.summary,
      synopsis: synopsis(sockhijack),
      commands: commandList(sockhijack),
      globals: globalOptions(sockhijack),
      exit: exitStatuses(),
      examples: examples(sockhijack.examples).replace(".Pp\n", ""),
      counters: counters(),
      reasons: reasonList(),
      capabilities: capabilities(),
    }),
    page("mesh.yaml.5", {
      config: paths.config,
      ...Object.fromEntries(mapPaths.map((path) => [path ? `fields.${path}` : "fields", fields(path)])),
      example: example
        .split("\n")
        .map((line) => guarded(literal(line)))
        .join("\n"),
    }),
  ];
}

if (import.meta.main) {
  const write = process.argv[2] === "--write";
  for (const { path, text } of manPages()) {
    if (write) writeFileSync(path, text);
    else process.stdout.write(text);
  }
}

/** Facts for every daemon's manual that stand in comments of the sources: exit statuses, capabilities. @module */
import { readFileSync } from "node:fs";
import { exitStatus } from "../../packages/cli/src/error.ts";
import { prose, sentence, tagged } from "./mdoc.ts";

const source = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

/**
 * Exit statuses, with the words of the comment in `packages/cli/src/error.ts`.
 *
 * @throws {Error} for a status that the comment leaves out.
 */
export function exitStatuses(): string {
  const words = source("../../packages/cli/src/error.ts");
  const items = Object.values(exitStatus).map((status): readonly [string, string] => {
    const text = new RegExp(`[ ,] ${status} ([^,.]+)|\\* ${status} ([^,.]+)`).exec(words);
    if (!text) throw new Error(`the comment of exitStatus does not say what ${status} means`);
    return [String(status), prose(sentence((text[1] ?? text[2])!))];
  });
  return tagged(items, "Ds", true);
}

/**
 * The capabilities that a unit grants, and what each is for, from its comments.
 *
 * @param unit - Path below `packages`, such as `nicd/systemd/nicd.service`.
 */
export function capabilities(unit: string): string {
  const found = [...source(`../../packages/${unit}`).matchAll(/^# (CAP_\w+) +(.+)$/gm)];
  return tagged(
    found.map(([, name, use]) => [`Dv ${name}`, prose(sentence(use!))]),
    "CAP_NET_BIND_SERVICE",
    true,
  );
}

/** Facts for the manual that stand in comments of the sources: counters, exit statuses, capabilities. @module */
import { readFileSync } from "node:fs";
import { exitStatus } from "@mitsu/cli/error";
import { reasons } from "../src/coupling/reason.ts";
import { counterNames } from "../src/kernel/layout.ts";
import { argument, prose, sentence, tagged } from "./mdoc.ts";

const source = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

/**
 * The kernel's counters, with the comments of `enum counter` in `bpf/sockhijack.h`.
 *
 * @throws {Error} for a counter without a comment.
 */
export function counters(): string {
  const body = /^enum counter \{([\s\S]*?)^\};/m.exec(source("../bpf/sockhijack.h"))![1]!;
  const meaning = new Map(
    [...body.matchAll(/^\s*COUNT_(\w+),\s*\/\* (.*?) \*\/$/gm)].map(([, name, text]) => [name!.toLowerCase(), text!]),
  );
  const items = counterNames.map((name): readonly [string, string] => {
    const text = meaning.get(name);
    if (text === undefined)
      throw new Error(`bpf/sockhijack.h does not say what COUNT_${name.toUpperCase()} counts; add a comment to its line`);
    return [`Li ${name}`, prose(sentence(text))];
  });
  return tagged(items, "pass_not_enrolled", true);
}

/**
 * Exit statuses, with the words of the comment in `packages/cli/src/error.ts`.
 *
 * @throws {Error} for a status that the comment leaves out.
 */
export function exitStatuses(): string {
  const words = source("../../cli/src/error.ts");
  const items = Object.values(exitStatus).map((status): readonly [string, string] => {
    const text = new RegExp(`[ ,] ${status} ([^,.]+)|\\* ${status} ([^,.]+)`).exec(words);
    if (!text) throw new Error(`the comment of exitStatus does not say what ${status} means`);
    return [String(status), prose(sentence((text[1] ?? text[2])!))];
  });
  return tagged(items, "Ds", true);
}

/** Each reason and its sentence. */
export function reasonList(): string {
  return tagged(
    Object.entries(reasons).map(([name, text]) => [`Li ${argument(name)}`, prose(sentence(text))]),
    "server-blocking",
    true,
  );
}

/** The capabilities that the unit grants, and what each is for. */
export function capabilities(): string {
  const found = [...source("../systemd/sockhijack.service").matchAll(/^# (CAP_\w+) +(.+)$/gm)];
  return tagged(
    found.map(([, name, use]) => [`Dv ${name}`, prose(sentence(use!))]),
    "CAP_NET_BIND_SERVICE",
    true,
  );
}

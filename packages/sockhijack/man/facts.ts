/** Facts for sockhijack(8) that stand in its sources: counters and reasons. @module */
import { readFileSync } from "node:fs";
import { argument, prose, sentence, tagged } from "../../../scripts/man/mdoc.ts";
import { reasons } from "../src/coupling/reason.ts";
import { counterNames } from "../src/kernel/layout.ts";

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

/** Each reason and its sentence. */
export function reasonList(): string {
  return tagged(
    Object.entries(reasons).map(([name, text]) => [`Li ${argument(name)}`, prose(sentence(text))]),
    "server-blocking",
    true,
  );
}

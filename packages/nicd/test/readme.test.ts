/** What README.md promises is so. @module */
import { readFileSync } from "node:fs";
import { parseCatalog } from "@mitsu/catalog";
import test from "ava";
import { nicd } from "../src/cli.ts";
import { linkLimits } from "../src/links/link-limits.ts";
import { flag } from "../src/live-exchange.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const examples = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!);

test("README.md's mesh files are read without a fault or a warning, and pass nicd", (t) => {
  t.is(examples.length, 2);
  for (const [index, service] of ["stock", "web"].entries()) {
    const catalog = parseCatalog(examples[index]!, { warn: ({ message }) => t.fail(message) });
    t.true(catalog.services.find(({ name }) => name === service)!.traffic.viaNic, service);
  }
});

test("README.md's table of response flags has each of them once", (t) => {
  const shown = [...readme.matchAll(/^\| `([A-Z]+)` +\|/gm)].map(([, name]) => name!);
  t.deepEqual(
    shown.toSorted(),
    Object.values(flag)
      .filter((name) => name !== "")
      .toSorted(),
  );
});

test("README.md names every command", (t) => {
  const operating = readme.slice(readme.indexOf("## Operating"), readme.indexOf("## When something fails"));
  for (const { name } of nicd.commands.filter((command) => !command.hidden))
    t.regex(operating, new RegExp(`\`(${name}|${name.replace(/^\w+ /, "")})\``), name);
});

test("README.md's commands have options that exist", (t) => {
  const known = new Set(
    nicd.commands
      .flatMap(({ options }) => Object.keys(options))
      .map((key) => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)),
  );
  for (const [, name] of readme.matchAll(/`(?:nicd [^`]*)?--([a-z-]+)/g)) t.true(known.has(name!) || name === "socket", name);
});

test("README.md's bounds of a link are those of linkLimits", (t) => {
  t.true(readme.includes(`${linkLimits.streamWindow / 1024} KiB where it arrives, ${linkLimits.sendBuffer / 1024} KiB where it leaves`));
  t.true(readme.includes(`${linkLimits.streams} streams; ${linkLimits.queue} wait`));
});

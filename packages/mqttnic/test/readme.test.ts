/** What README.md promises is so. @module */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseCatalog } from "@mitsu/catalog";
import test, { type ExecutionContext } from "ava";
import { mostSources } from "../src/aggregate/source-table.ts";
import { mqttnic } from "../src/cli.ts";
import type { BrokerConfig } from "../src/config/broker-config.ts";
import { defaultLimits } from "../src/config/defaults.ts";
import { fromMesh } from "../src/config/from-mesh.ts";
import { freePort } from "./commands/support/mosquitto.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(([, text]) => text!);
const shell = blocks("sh");
const bin = new URL("../../../bin/mqttnic", import.meta.url).pathname;

/** The broker's configuration that a mesh file comes to. */
function configured(t: ExecutionContext, text: string): BrokerConfig {
  const { mqtt } = parseCatalog(text, { warn: ({ message }) => t.fail(message) });
  return fromMesh(mqtt!, { file: "mesh.yaml", node: "n1", ipv6: true, readFile: () => Buffer.from("a secret\n") });
}

test("README.md's mesh file is read without a fault or a warning, and comes to what it says", (t) => {
  const [text, ...more] = blocks("yaml");
  t.is(more.length, 0);
  const { listeners, limits, bridges, aggregates, persistence } = configured(t, text!);
  t.deepEqual(
    listeners.map(({ name, anonymous }) => [name, anonymous]),
    [
      ["127.0.0.1:1883", "local"],
      ["[::]:8883", "no"],
      ["[::]:9001", "no"],
      ["/run/mitsu/mqtt.sock", "local"],
    ],
  );
  t.like(limits, { queuedMessages: 10_000, sessionExpiryS: 7 * 24 * 3600, payloadBytes: 65_536 });
  t.like(bridges[0], { name: "cloud", remotePassword: "a secret" });
  t.is(aggregates[0]!.intervalMs, 10);
  t.is(persistence.path, "/var/lib/mitsu/mqttnic/store.db");
});

test("README.md's inline mesh and nats are fields of mqtt", (t) => {
  const nodes = "version: 1\nnodes: { n1: { address: 10.0.0.1 }, n2: { address: 10.0.0.2 } }\nmqtt:\n  ";
  const inline = [...readme.matchAll(/`((?:mesh|nats): \{ .*? \})`/g)].map(([, text]) => text!);
  t.is(inline.length, 2);
  for (const text of inline) t.truthy(configured(t, `${nodes}${text}\n`));
});

test("README.md's table of limits has each of them with its default, but for how a full queue is dealt with", (t) => {
  const table = readme.slice(readme.indexOf("| Limit "), readme.indexOf("Malformed input"));
  const fields = [...table.matchAll(/^\| (`[a-z].*?) +\| (.*?) +\|/gm)].flatMap(([, names, defaults]) => {
    const values = defaults!.split(", ");
    return [...names!.replace(/\(.*\)/, "").matchAll(/`([a-z0-9-]+)`/g)].map(([, name], at) => [name!, values[at]!] as const);
  });
  const text = fields.map(([name, value]) => `    ${name}: ${value}`).join("\n");
  t.deepEqual(configured(t, `version: 1\nmqtt:\n  limits:\n${text}\n`).limits, defaultLimits);
  const others = ["whenQueueFull", "queueQos0"];
  t.is(fields.length, Object.keys(defaultLimits).length - others.length);
  for (const name of ["when-queue-full", "queue-qos0", "drop-newest", "drop-oldest", "disconnect"])
    t.true(readme.includes(`\`${name}\``), name);
  t.true(readme.includes(`${String(mostSources).replace(/(?=...$)/, " ")} sources are kept`));
});

test("README.md names every command", (t) => {
  const operating = readme.slice(readme.indexOf("## Operating"), readme.indexOf("## Conformance"));
  for (const { name } of mqttnic.commands.filter(({ hidden }) => !hidden)) t.true(operating.includes(`\`${name}\``), name);
});

test("README.md's commands have options that exist", (t) => {
  const all = [mqttnic.options, ...mqttnic.commands.map(({ options }) => options)];
  const known = new Set(
    all.flatMap((options) => Object.keys(options ?? {})).map((key) => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)),
  );
  const prose = [...readme.matchAll(/`(?:mqttnic |daemon |sub |passwd )?[^`\n]*?--([a-z-]+)/g)].filter(
    ([text]) => !/install|sockhijack/.test(text),
  );
  t.true(prose.length > 5);
  for (const [text, name] of prose) t.true(known.has(name!) || name === "log-level" || name === "socket", text);
});

test("README.md's figures of conformance are those of conformance.md", (t) => {
  const table = readFileSync(new URL("../conformance.md", import.meta.url), "utf8");
  const [old, five] = [...table.matchAll(/^(\d+) statements, (\d+) with tests\.$/gm)];
  t.true(readme.includes(`${old![2]} of ${old![1]} statements of 3.1.1 and ${five![2]} of ${five![1]} of 5.0`));
});

/**
 * Runs one of its blocks as it stands, by bash, with a `mqttnic` whose broker has a port and a socket of the test's own and whose `/etc` is a folder of
 * the test; after a line that ends in `&` the broker is waited for.
 */
async function runs(t: ExecutionContext, block: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "mqttnic-d-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const name of ["bin", "mitsu", "mosquitto"]) mkdirSync(join(folder, name));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const port = await freePort();
  const own = `--socket "${folder}/m.sock"`;
  const wrapper = `#!/bin/bash
case $1 in
  daemon) exec ${bin} "$@" --listen 127.0.0.1:${port} ${own} 2>"${folder}/log" ;;
  -c) exec ${bin} "$@" ${own} 2>"${folder}/log" ;;
  pub | sub | bench) exec ${bin} "$@" -p ${port} ;;
  passwd) exec ${bin} "$@" --stdin <<<"a secret" ;;
  *) exec ${bin} "$@" ${own} ;;
esac
`;
  writeFileSync(join(folder, "bin/mqttnic"), wrapper, { mode: 0o755 });
  const ready = `\nuntil grep -q ' ready ' "${folder}/log" 2>/dev/null; do kill -0 $! || exit 1; sleep 0.05; done\n`;
  const script = block
    .replaceAll("/etc/", `${folder}/`)
    .replaceAll("1883", String(port))
    .replace(/&(?= *(#.*)?$)/gm, `&${ready}`);
  const program = `set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n${script}`;
  const { stdout } = await promisify(execFile)("bash", ["-c", program], {
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, PATH: `${join(folder, "bin")}:${process.env.PATH}` },
  });
  t.false(existsSync(join(folder, "m.sock")), "the broker has ended");
  return stdout;
}

test("README.md's first commands do what is said beside them", async (t) => {
  const out = await runs(t, shell[0]!);
  const said = /sub .*# (rooms\/\S+ \S+)$/m.exec(shell[0]!)![1]!;
  t.true(out.startsWith(`${said}\nmqttnic ${mqttnic.version}, pid `), out);
});

test("README.md's replacement of mosquitto starts with a mosquitto.conf", async (t) => {
  const conf = "allow_anonymous true\n";
  const block = `${shell[1]!.trim()} &\nmqttnic pub -t a -m b -q 1; mqttnic status\n`;
  t.regex(await runs(t, block, { "mosquitto/mosquitto.conf": conf }), /^mqttnic .*\nlistening at 127\.0\.0\.1:\d+ \(tcp\)/);
});

test("README.md's commands of security make a user and judge an ACL", async (t) => {
  const out = await runs(t, shell[2]!, { "mitsu/mqtt.acl": "user ann\ntopic write rooms/#\n" });
  t.regex(out, /^added ann in .*\nallowed by .*\/mitsu\/mqtt\.acl:2: topic write rooms\/#\n$/);
});

test("README.md's commands behind sockhijack are what bench/mqtt.sh and ./demo run", (t) => {
  t.is(shell.length, 4);
  t.regex(
    shell[3]!,
    /^sockhijack run --service broker:1883 -- mqttnic daemon &\nsockhijack run --service panel -- mosquitto_sub -h broker\.mesh /,
  );
});

/** Bad input from end to end, by the program as people run it: what it says, how it ends, and that nothing is half written. */
import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { bin } from "../watch/support/daemon.ts";

/** Root may read and write everything, so the program is run as this one (nobody). */
const nobody = 65534;
const asRoot = process.getuid?.() === 0;

const shop = `name: shop
nodes:
  - { name: n1, capacity: { cpu: 4, memory: 8GiB } }
  - { name: n2, capacity: { cpu: 4, memory: 8GiB } }
services:
  - { name: web, requests: { cpu: 1, memory: 1GiB } }
  - { name: cart, requests: { cpu: 500m, memory: 1GiB } }
traffic:
  - { from: web, to: cart, messages: 1200/s, bytes: 3.4MB/s }
`;
const planFile = JSON.stringify({ version: 1, assignment: { "web-0": "n1", "cart-0": "n1" } });

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** A folder of files, owned by who runs the program, and the program there. */
function folderWith(t: ExecutionContext, files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "placer-bad-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  if (asRoot) for (const name of [".", ...Object.keys(files)]) chownSync(join(folder, name), nobody, nobody);
  return {
    at: (name: string): string => join(folder, name),
    names: (): readonly string[] => readdirSync(folder).sort(),
    read: (name: string): string => readFileSync(join(folder, name), "utf8"),
    placer: (...argv: string[]): Promise<Ended> =>
      new Promise((resolve) => {
        const child = execFile(bin, argv, { cwd: folder, ...(asRoot ? { uid: nobody, gid: nobody } : {}) }, (_error, out, err) =>
          resolve({ status: child.exitCode, out, err }),
        );
      }),
  };
}

for (const [what, find, put, says] of [
  ["a missing unit", "memory: 8GiB", "memory: 8", /^placer: p\.yaml:3:45: nodes\[0\]\.capacity\.memory: 8 needs a unit: 8MiB\?\n/],
  ["a negative demand", "cpu: 500m", "cpu: -1", /^placer: p\.yaml:7:36: services\[1\]\.requests\.cpu: -1 .*negative/],
  ["a demand that is not a number", "cpu: 500m", "cpu: .nan", /^placer: p\.yaml:7:36: services\[1\]\.requests\.cpu: /],
  ["an unknown service in an edge", "to: cart", "to: crat", /^placer: p\.yaml:9:22: traffic\[0\]\.to: .*crat.*did you mean .?cart/],
  ["a duplicate name", "name: cart", "name: web", /^placer: p\.yaml:7:13: services\[1\]\.name: .*web/],
  [
    "a cyclic affinity",
    "name: web, requests: { cpu: 1, memory: 1GiB } }\n  - { name: cart,",
    "name: web, affinity: [{ service: cart }] }\n  - { name: cart, affinity: [{ service: web }],",
    /^placer: p\.yaml:7:30: services\[1\]\.affinity\[0\].*: .*web.*cart.*web/,
  ],
  ["an unknown field", "from: web", "form: web", /^placer: p\.yaml:9:\d+: traffic\[0\]\.?(form|from): /],
  ["an edge with infinite messages", "1200/s", "1e999/s", /^placer: p\.yaml:9:\d+: traffic\[0\]\.messages: /],
] as const) {
  test(`placer plan refuses a problem with ${what}: file, line, column and field; the old plan stays`, async (t) => {
    t.true(shop.includes(find));
    const { placer, names, read } = folderWith(t, { "p.yaml": shop.replace(find, put), "plan.json": "old" });
    const { status, out, err } = await placer("plan", "p.yaml", "-o", "plan.json");
    t.regex(err, says);
    t.deepEqual([status, out], [2, ""]);
    t.is(read("plan.json"), "old");
    t.deepEqual(names(), ["p.yaml", "plan.json"]);
  });
}

test("placer check names every fault of a file at once, and with --json as one object", async (t) => {
  const { placer } = folderWith(t, { "p.yaml": shop.replace("cpu: 500m", "cpu: -1").replace("to: cart", "to: crat") });
  const { status, out, err } = await placer("check", "p.yaml", "--json");
  t.deepEqual([status, out], [2, ""]);
  const { error } = JSON.parse(err) as { error: { code: string; message: string; hint: string } };
  t.is(error.code, "ERR_PROBLEM_INVALID");
  t.regex(error.message, /^p\.yaml:7:36: .*\np\.yaml:9:22: [^\n]*$/);
  t.true(error.hint.length > 0);
});

test("placer plan refuses an empty file, one of 1 GiB unread, a folder, and one that is not there", async (t) => {
  const { placer, at, names } = folderWith(t, { "empty.yaml": "", "vast.json": "" });
  truncateSync(at("vast.json"), 2 ** 30);
  mkdirSync(at("folder"));
  for (const [path, says] of [
    ["empty.yaml", /^placer: empty\.yaml:1:1: is empty\n/],
    ["vast.json", /^placer: cannot read vast\.json: 1\.00 GiB, and no such file is larger than 256 MiB\n/],
    ["folder", /^placer: cannot read folder: it is a folder\n/],
    ["missing.yaml", /^placer: cannot read missing\.yaml: no such file\n {2}hint: check the path; - is stdin\n$/],
  ] as const) {
    const { status, out, err } = await placer("plan", path, "-o", "plan.json");
    t.regex(err, says);
    t.deepEqual([status, out], [2, ""], path);
  }
  t.deepEqual(names(), ["empty.yaml", "folder", "vast.json"]);
});

test("placer plan says what it has no right to: the problem, the folder of the plan; a folder that is missing is told before the search", async (t) => {
  const { placer, at, names } = folderWith(t, { "p.yaml": shop, "secret.yaml": shop });
  chmodSync(at("secret.yaml"), 0);
  mkdirSync(at("locked"), { mode: 0o555 });
  const secret = await placer("plan", "secret.yaml");
  t.deepEqual([secret.status, secret.err], [2, "placer: cannot read secret.yaml: no right to read it\n  hint: name a readable file\n"]);
  for (const [path, why] of [
    ["locked/plan.json", "no right to write there"],
    ["missing/plan.json", "no such folder"],
    ["locked", "it is a folder"],
  ] as const) {
    const { status, out, err } = await placer("plan", "p.yaml", "-o", path);
    t.is(err, `placer: cannot write ${path}: ${why}\n  hint: name another place with --output; - is stdout\n`);
    t.deepEqual([status, out], [1, ""]);
  }
  t.deepEqual(names(), ["locked", "p.yaml", "secret.yaml"]);
});

test("placer plan to a full disk fails and says so, as a file and as stdout", async (t) => {
  const { placer, names } = folderWith(t, { "p.yaml": shop });
  const { status, out, err } = await placer("plan", "p.yaml", "-o", "/dev/full");
  t.deepEqual([status, out], [1, ""]);
  t.is(err, "placer: cannot write /dev/full: no space left\n  hint: name another place with --output; - is stdout\n");
  t.deepEqual(names(), ["p.yaml"]);
});

test("placer draw refuses a plan of another problem, one cut short, and one with a node that is none; no picture is written", async (t) => {
  const { placer, names } = folderWith(t, {
    "p.yaml": shop,
    "other.yaml": shop.replaceAll("web", "portal"),
    "plan.json": planFile,
    "cut.json": planFile.slice(0, 40),
    "list.json": "[]",
  });
  for (const [plan, problem, says] of [
    ["plan.json", "other.yaml", /^placer: plan\.json does not belong to the problem, which has\n {2}no replica "web-0"/],
    ["cut.json", "p.yaml", /^placer: cut\.json:1:4\d: /],
    ["list.json", "p.yaml", /^placer: list\.json:1:1: a list is not a plan/],
    ["p.yaml", "p.yaml", /^placer: p\.yaml:1:1: (version|assignment): is missing/],
  ] as const) {
    const { status, out, err } = await placer("draw", plan, "-p", problem, "-o", "plan.svg");
    t.regex(err, says);
    t.deepEqual([status, out], [2, ""], plan);
  }
  t.deepEqual(names(), ["cut.json", "list.json", "other.yaml", "p.yaml", "plan.json"]);
});

test("placer import of the wrong kind of file says what is missing, and writes no problem", async (t) => {
  const { placer, names } = folderWith(t, { "p.yaml": shop, "o.yaml": "old" });
  for (const [argv, wanted, says] of [
    [["k8s", "p.yaml"], 2, /^placer: p\.yaml:1:1: .*kind/],
    [["bytedance", "p.yaml"], 2, /^placer: p\.yaml:1:1: ServiceList is missing/],
    [["compose", "p.yaml", "--nodes", "p.yaml"], 2, /^placer: p\.yaml:\d+:\d+: services: a list is not a map/],
    [["compose", "p.yaml"], 2, /^placer: Compose files name no nodes/],
    // Traces are data, of which what cannot be read is skipped: nothing left is bad data.
    [["jaeger", "p.yaml"], 65, /^placer: p\.yaml has no trace that can be read: at byte 2: /],
  ] as const) {
    const { status, out, err } = await placer("import", ...argv, "-o", "o.yaml");
    t.regex(err, says);
    t.deepEqual([status, out], [wanted, ""], argv.join(" "));
  }
  t.deepEqual(names(), ["o.yaml", "p.yaml"]);
});

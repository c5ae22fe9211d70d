import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { loadState, noState, type SavedState, saveState } from "../src/mesh/attachment.ts";

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "mitsu-state-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
const state: SavedState = {
  attachments: [{ service: "web", folder: "/sys/fs/cgroup/web.slice", cgroup: 2n ** 63n + 5n, made: true, declared: false }],
  adHoc: [{ name: "web", ports: ["80:8080", "53/udp"], redirect: "on" }],
  services: { web: 1 },
  replicas: { "web tcp 0a000001 8080 1": 3 },
  frontends: { "web 80/tcp": 2 },
  nics: [{ pid: 4711, port: 15_001, addresses: ["::"] }],
  object: "abc",
};

test("loadState() reads what saveState() wrote, cgroup ids of 64 bits too", (t) => {
  const at = join(folder(t), "new", "sockhijack");
  saveState(at, state);
  t.deepEqual(loadState(at), state);
  t.deepEqual(readdirSync(at), ["state.json"]);
  t.is(statSync(join(at, "state.json")).mode & 0o777, 0o640);
});

test("saveState() replaces what was there", (t) => {
  const at = folder(t);
  saveState(at, state);
  saveState(at, noState);
  t.deepEqual(loadState(at), noState);
});

test("saveState() that cannot write leaves the old state whole", (t) => {
  const at = folder(t);
  saveState(at, state);
  mkdirSync(join(at, "state.json.new"));
  t.throws(() => saveState(at, noState), { code: "EISDIR" });
  t.deepEqual(loadState(at), state);
});

test("loadState() is undefined where nothing was saved", (t) => t.is(loadState(folder(t)), undefined));

for (const [what, text] of [
  ["an empty file", ""],
  ["a file cut in two", JSON.stringify({ ...state, attachments: [] }).slice(0, -9)],
  ["something else", "null"],
  ["an older form", '{"attachments":[]}'],
  ["a cgroup that is no number", JSON.stringify({ ...noState, attachments: [{ ...state.attachments[0], cgroup: "web" }] })],
  ["a service number that is none", JSON.stringify({ ...noState, services: { web: 1.5 } })],
] as const) {
  test(`loadState() is undefined for ${what}`, (t) => {
    const at = folder(t);
    writeFileSync(join(at, "state.json"), text);
    t.is(loadState(at), undefined);
  });
}

test("saveState() writes text that people can read", (t) => {
  const at = folder(t);
  saveState(at, state);
  const text = readFileSync(join(at, "state.json"), "utf8");
  t.regex(text, /^ {2}"services": \{\n {4}"web": 1\n/m);
  t.true(text.endsWith("\n"));
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MitsuError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { encodeOverride, type Override } from "../../src/overrides/override.ts";
import { Overrides } from "../../src/overrides/overrides.ts";

const nowMs = 1_800_000_000_000;
const key = "10.0.0.7:8080";

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "replicad-overrides-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const said = (changes: Partial<Override>): Override => ({ key, draining: true, weight: null, atMs: nowMs, by: "node-2", ...changes });
const receive = (overrides: Overrides, changes: Partial<Override>, now = nowMs) =>
  overrides.receive(changes.key ?? key, encodeOverride(said(changes)), now);

test("Overrides.set() holds at once, keeps what is left out, and is later than all that was heard", async (t) => {
  const overrides = await Overrides.open(null);
  const changes: [string, Override | undefined][] = [];
  overrides.onChange = (one, override) => changes.push([one, override]);
  const drained = overrides.set(key, { draining: true }, "node-1", nowMs);
  t.deepEqual(drained, { key, draining: true, weight: null, atMs: nowMs, by: "node-1" });
  t.is(overrides.get(key), drained);
  t.deepEqual(overrides.set(key, { weight: 0.5 }, "node-1", nowMs), { ...drained, weight: 0.5, atMs: nowMs + 1 });
  t.is(receive(overrides, { atMs: nowMs + 5000 }), null);
  t.is(overrides.set(key, { draining: false }, "node-1", nowMs).atMs, nowMs + 5001);
  t.is(overrides.get(key), undefined);
  t.deepEqual(overrides.all(), []);
  t.is(overrides.size, 0);
  t.is(changes.length, 4);
  t.deepEqual(changes.at(-1), [key, undefined]);
});

test("Overrides.set() takes any form of an address for one replica", async (t) => {
  const overrides = await Overrides.open(null);
  overrides.set("[FD00:0::1]:80", { draining: true }, "node-1", nowMs);
  t.true(overrides.get("[fd00::1]:80")!.draining);
});

test("Overrides.set() refuses a weight that is none and a replica without address, and changes nothing", async (t) => {
  const overrides = await Overrides.open(null);
  for (const weight of [-1, Number.NaN, 65_536, Number.POSITIVE_INFINITY]) {
    t.throws(() => overrides.set(key, { weight }, "node-1", nowMs), { instanceOf: MitsuError, code: "ERR_WEIGHT" });
  }
  for (const replica of ["web", "10.0.0.7", "10.0.0.7:0", ""]) {
    t.throws(() => overrides.set(replica, { draining: true }, "node-1", nowMs), { code: "ERR_REPLICA_KEY" });
  }
  t.is(overrides.size, 0);
});

test("Overrides.receive() refuses what is older, and says nothing against the same again", async (t) => {
  const overrides = await Overrides.open(null);
  t.is(receive(overrides, {}), null);
  t.is(receive(overrides, {}), null);
  t.is(overrides.taken, 1);
  t.is(receive(overrides, { atMs: nowMs - 1, weight: 3 }), "older");
  t.is(receive(overrides, { by: "node-1" }), "older");
  t.is(receive(overrides, { atMs: nowMs + 3_600_001 }), "future");
  t.is(overrides.receive(key, Buffer.from("{"), nowMs), "garbled");
  t.deepEqual(overrides.get(key), said({}));
  t.is(receive(overrides, { by: "node-3", weight: 2 }), null);
  t.is(overrides.get(key)!.weight, 2);
  t.deepEqual(
    [...overrides.refused],
    [
      ["older", 2],
      ["future", 1],
      ["garbled", 1],
    ],
  );
});

test("Overrides of all nodes are the same in the end, in whatever order messages came and however often", async (t) => {
  const message = fc.record({
    key: fc.constantFrom("10.0.0.1:80", "10.0.0.2:80"),
    draining: fc.boolean(),
    weight: fc.constantFrom(null, 0, 2),
    atMs: fc.integer({ min: nowMs, max: nowMs + 3 }),
    by: fc.constantFrom("a", "b"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 12 }), async (messages, order) => {
      const [one, other] = await Promise.all([Overrides.open(null), Overrides.open(null)]);
      for (const each of messages) receive(one!, each);
      const shuffled = messages.map((each, index) => [order[index] ?? 0, each] as const).sort(([a], [b]) => a - b);
      for (const [, each] of [...shuffled, ...shuffled.slice(0, 3)]) receive(other!, each);
      const sorted = (overrides: Overrides): Override[] => [...overrides.all()].sort((a, b) => (a.key < b.key ? -1 : 1));
      t.deepEqual(sorted(one!), sorted(other!));
      t.is(one!.size, one!.all().length);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("Overrides remember that one was taken back, so that an older one does not return, and forget it after a week", async (t) => {
  const overrides = await Overrides.open(null);
  overrides.set(key, { draining: true }, "node-1", nowMs);
  overrides.set(key, { draining: false }, "node-1", nowMs + 10);
  t.is(receive(overrides, { atMs: nowMs + 5 }), "older");
  t.is(overrides.get(key), undefined);
  const week = 7 * 86_400_000;
  t.deepEqual(overrides.expire(nowMs + 10 + week), []);
  t.deepEqual(overrides.expire(nowMs + 11 + week), [key]);
  t.is(overrides.kept(key), undefined);
  t.is(receive(overrides, { draining: false }, nowMs + 2 * week), "expired");
});

test("Overrides keep no more than the most, whoever sends them, and go on with those they have", async (t) => {
  const overrides = await Overrides.open(null, { most: 2 });
  for (const one of ["10.0.0.1:80", "10.0.0.2:80"]) t.is(receive(overrides, { key: one }), null);
  t.is(receive(overrides, { key: "10.0.0.3:80" }), "too-many");
  t.throws(() => overrides.set("10.0.0.3:80", { draining: true }, "node-1", nowMs), { code: "ERR_TOO_MANY_OVERRIDES" });
  t.is(receive(overrides, { key: "10.0.0.2:80", weight: 4, atMs: nowMs + 1 }), null);
  t.is(overrides.size, 2);
});

test("Overrides.open() has what was saved, also what was taken back", async (t) => {
  const folder = join(folderOf(t), "made", "by", "it");
  const before = await Overrides.open(folder);
  before.set(key, { draining: true, weight: 0.25 }, "node-1", nowMs);
  before.set("10.0.0.8:80", { draining: true }, "node-1", nowMs);
  before.set("10.0.0.8:80", { draining: false }, "node-1", nowMs);
  await before.saved();
  const after = await Overrides.open(folder);
  t.deepEqual(after.all(), [{ key, draining: true, weight: 0.25, atMs: nowMs, by: "node-1" }]);
  t.is(receive(after, { key: "10.0.0.8:80" }), "older");
  t.deepEqual(readdirSync(folder), ["overrides.json"]);
});

test("Overrides.open() names a file that cannot be read, says what to do, and leaves it as it is", async (t) => {
  const folder = folderOf(t);
  const path = join(folder, "overrides.json");
  for (const [contents, why] of [
    ["", "it is no JSON"],
    ['{"version":1,"overrides":[', "it is no JSON"],
    ["null", "its version is undefined, not 1"],
    ['{"version":2,"overrides":[]}', "its version is 2, not 1"],
    ['{"version":1}', "overrides is no list"],
    [
      '{"version":1,"overrides":[{"version":1,"replica":"10.0.0.1:80","draining":true,"weight":-1,"atMs":1,"by":"a"}]}',
      "overrides[0] is wrong: weight",
    ],
  ] as const) {
    writeFileSync(path, contents);
    const error = await t.throwsAsync(Overrides.open(folder), { instanceOf: MitsuError, code: "ERR_OVERRIDES_FILE" });
    t.is(error?.message, `cannot read ${path}: ${why}`);
    t.regex(error?.hint ?? "", /move it away/);
    t.is(readFileSync(path, "utf8"), contents);
  }
  rmSync(path);
  mkdirSync(path);
  await t.throwsAsync(Overrides.open(folder), { code: "ERR_OVERRIDES_FILE", message: /EISDIR/ });
});

test("Overrides.saved() says when they would not survive, and they do once the folder is mended", async (t) => {
  const folder = folderOf(t);
  const blocked = await Overrides.open(join(folder, "later"));
  writeFileSync(join(folder, "later"), "in the way");
  blocked.set(key, { draining: true }, "node-1", nowMs);
  await t.throwsAsync(blocked.saved(), { code: "ERR_OVERRIDES_SAVE", message: /^cannot write .*later/ });
  t.regex(blocked.degraded()[0]!, /tried again every second$/);
  t.true(blocked.get(key)!.draining);
  rmSync(join(folder, "later"));
  await blocked.saved();
  t.deepEqual(blocked.degraded(), []);
  t.is((await Overrides.open(join(folder, "later"))).size, 1);
  await blocked.close();
});

test("Overrides under a flood of messages write the file a few times, not once for each, and have all of it in the end", async (t) => {
  const folder = folderOf(t);
  const overrides = await Overrides.open(folder);
  for (let index = 0; index < 5000; index++) receive(overrides, { key: `10.1.${index >> 8}.${index & 255}:80` });
  await overrides.close();
  t.is((await Overrides.open(folder)).size, 5000);
});

test("Overrides survive kill -9 at any moment: the file is whole, and has what saved() waited for", async (t) => {
  const folder = folderOf(t);
  const module = new URL("../../src/overrides/overrides.ts", import.meta.url).href;
  const script = `
    const { Overrides } = await import(${JSON.stringify(module)});
    const overrides = await Overrides.open(${JSON.stringify(folder)});
    for (let weight = overrides.get("10.0.0.1:80")?.weight ?? 0; ; weight++) {
      for (let port = 1; port <= 200; port++) overrides.set("10.0.0.1:" + port, { weight: weight % 60000 }, "a", 1);
      await overrides.saved();
      process.stdout.write(weight + "\\n");
    }`;
  let least = -1;
  for (let round = 0; round < 4; round++) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    t.teardown(() => child.kill("SIGKILL"));
    let text = "";
    const enough = Promise.withResolvers<void>();
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.split("\n").length > 3 + round) enough.resolve();
    });
    await enough.promise;
    child.kill("SIGKILL");
    await once(child, "close");
    least = Number(text.trimEnd().split("\n").at(-1));
    const after = await Overrides.open(folder);
    t.is(after.size, 200);
    t.true(after.get("10.0.0.1:200")!.weight! >= least);
  }
});

/** The commands that take a module: what they print, and what they refuse. @module */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLog, testEnv } from "@mitsu/cli";
import { nicd, type PushFilterAnswer, type PushFilterRequest, serve } from "@mitsu/ipc";
import test from "ava";
import { meshfilters } from "../../src/cli.ts";
import type { Measured } from "../../src/run/measure.ts";
import { callIn, scratch } from "../call.ts";

/** A folder with a small filter, built. */
async function withFilter(t: Parameters<typeof scratch>[0]): Promise<string> {
  const folder = scratch(t);
  await callIn(folder, "new", "wat", "blue");
  const { status, err } = await callIn(folder, "build", "blue", "-o", "blue.wasm");
  t.is(status, 0, err);
  return folder;
}

test("every command has help with an example", async (t) => {
  for (const { name } of meshfilters.commands) {
    const { status, out } = await callIn("/", name, "--help");
    t.is(status, 0);
    t.regex(out, /Examples?[\s\S]*meshfilters/i, name);
  }
});

test("what is no filter is refused by inspect, verify, sign, bench, test and push with the reason, exit status 65", async (t) => {
  const folder = await withFilter(t);
  const good = readFileSync(join(folder, "blue.wasm"));
  await callIn(folder, "keygen", "k");
  writeFileSync(join(folder, "test.yaml"), "tests: [{ name: a, request: {} }]\n");
  const flipped = Buffer.from(good);
  flipped[good.indexOf("x-blue") + 2]! ^= 1;
  for (const [name, bytes, said] of [
    ["empty", Buffer.alloc(0), /cannot use the filter/],
    ["text", Buffer.from("#!/bin/sh\n"), /cannot use the filter/],
    ["cut", good.subarray(0, good.length - 20), /cannot use the filter: .*at byte/],
    ["changed", flipped, /manifest .*hash differs/],
    ["no-abi", Buffer.from("0061736d01000000", "hex"), /cannot use the filter/],
  ] as const) {
    writeFileSync(join(folder, `${name}.wasm`), bytes);
    for (const command of [["inspect"], ["verify"], ["sign", "--key", "k.key"], ["bench"], ["test"], ["push", "--socket", "none.sock"]]) {
      const { status, out, err } = await callIn(folder, command[0]!, `${name}.wasm`, ...command.slice(1));
      t.deepEqual([status, out], [65, ""], `${command[0]} ${name}: ${err}`);
      t.regex(err, said, `${command[0]} ${name}`);
    }
    t.deepEqual(readFileSync(join(folder, `${name}.wasm`)), bytes, "sign leaves it as it was");
  }
});

test("what is not there, or is a folder, is exit status 2", async (t) => {
  const folder = scratch(t);
  mkdirSync(join(folder, "folder.wasm"));
  for (const command of [["inspect"], ["verify"], ["sign", "--key", "k"], ["push"]])
    for (const file of ["none.wasm", "folder.wasm"]) {
      const { status, err } = await callIn(folder, command[0]!, file, ...command.slice(1));
      t.is(status, 2, `${command[0]} ${file}`);
      t.regex(err, /cannot read (none|folder)\.wasm: (no such file|it is a folder)/);
    }
  const { status, err } = await callIn(folder, "test", "none.wasm");
  t.is(status, 2);
  t.regex(err, /there are no requests for none\.wasm/);
});

test("keygen, sign and verify: only the right key, only the bytes that were signed", async (t) => {
  const folder = await withFilter(t);
  for (const name of ["team", "other"]) t.is((await callIn(folder, "keygen", name)).status, 0);
  t.is(statSync(join(folder, "team.key")).mode & 0o777, 0o600);
  const again = await callIn(folder, "keygen", "team");
  t.is(again.status, 2);
  t.regex(again.err, /team\.key, team\.pub: they are there already/);
  const unsigned = await callIn(folder, "verify", "blue.wasm", "--key", "team.pub");
  t.is(unsigned.status, 65);
  t.regex(unsigned.err, /it is not signed/);
  t.is((await callIn(folder, "sign", "blue.wasm", "--key", "team.pub")).status, 65);
  t.is((await callIn(folder, "sign", "blue.wasm", "--key", "team.key", "-o", "signed.wasm")).status, 0);
  t.regex((await callIn(folder, "verify", "signed.wasm", "--key", "team.pub")).out, /it starts[\s\S]*signed by key [0-9a-f]{16}\n$/);
  const other = await callIn(folder, "verify", "signed.wasm", "--key", "other.pub");
  t.is(other.status, 65);
  t.regex(other.err, /it is signed by key [0-9a-f]{16}, not by/);
  const { signedBy } = JSON.parse((await callIn(folder, "inspect", "signed.wasm", "--json")).out) as { signedBy: string };
  t.regex(signedBy, /^[0-9a-f]{16}$/);
  t.is((await callIn(folder, "sign", "blue.wasm", "--key", "team.key", "-o", "no/such/folder.wasm")).status, 1);
  t.false(existsSync(join(folder, "no")));
});

test("verify: a filter that traps at its start, or does not like its configuration, is refused", async (t) => {
  const folder = scratch(t);
  const filter = (start: string) =>
    `(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")) (func (export "malloc") (param i32) (result i32) i32.const 0)
      (func (export "proxy_on_configure") (param i32 i32) (result i32) ${start}))`;
  for (const [name, start, said] of [
    ["traps", "unreachable", /cannot start filter traps: proxy_on_configure: unreachable/],
    ["refuses", "i32.const 0", /does not like its configuration/],
    ["spins", "(loop br 0) i32.const 1", /out of fuel/],
  ] as const) {
    writeFileSync(join(folder, `${name}.wat`), filter(start));
    t.is((await callIn(folder, "build", `${name}.wat`)).status, 0);
    const { status, err } = await callIn(folder, "verify", `${name}.wasm`);
    t.is(status, 65, name);
    t.regex(err, said);
  }
});

test("test: a difference is exit status 1, with what was expected and what came; --json has all of it", async (t) => {
  const folder = await withFilter(t);
  const tests =
    'tests:\n  - name: wrong\n    request: { path: /a }\n    expect: { request: { headers: { x-blue: "2", x-red: "1" }, path: /b } }\n  - name: right\n    request: {}\n';
  writeFileSync(join(folder, "test.yaml"), tests);
  const { status, out } = await callIn(folder, "test", "blue.wasm");
  t.is(status, 1);
  for (const line of [
    "not ok 1 - wrong",
    '  request.path: { expected: "/b", got: "/a" }',
    '  request.headers.x-blue: { expected: "2", got: "1" }',
    '  request.headers.x-red: { expected: "1", got: none }',
    "ok 2 - right",
    "# 1 passed, 1 failed",
  ])
    t.true(out.includes(`${line}\n`), `${line}\n${out}`);
  const read = JSON.parse((await callIn(folder, "test", "blue.wasm", "--json")).out) as {
    failed: number;
    tests: { steps: { fuel: number }[] }[];
  };
  t.is(read.failed, 1);
  t.true(read.tests[0]!.steps[0]!.fuel > 0);
  for (const [option, value, said] of [
    ["--fuel", "0", /--fuel 0/],
    ["--memory", "much", /--memory much/],
    ["--config", "@none", /cannot read none/],
    ["--requests", "none.har", /cannot read none\.har/],
  ] as const) {
    const wrong = await callIn(folder, "test", "blue.wasm", option, value);
    t.is(wrong.status, 2, option);
    t.regex(wrong.err, said);
  }
  t.regex((await callIn(folder, "test", "blue.wasm", "--memory", "64KiB", "--fuel", "5")).out, /out of fuel/);
});

test("test --requests recorded.har says what the filter makes of each request", async (t) => {
  const folder = await withFilter(t);
  const entry = { request: { method: "GET", url: "http://a.test/x", headers: [] }, response: { status: 200, headers: [], content: {} } };
  writeFileSync(join(folder, "a.har"), JSON.stringify({ log: { entries: [entry] } }));
  const { status, out } = await callIn(folder, "test", "blue.wasm", "-r", "a.har", "-c", "green");
  t.is(status, 0);
  t.is(out, "TAP version 14\n1..1\nok 1 - GET http://a.test/x\n  # request: + x-blue: green\n# 1 passed, 0 failed\n");
});

test("bench: what a request costs, with and without fuel", async (t) => {
  const folder = await withFilter(t);
  const { status, out, err } = await callIn(folder, "bench", "blue.wasm", "--seconds", "0.02", "--json");
  t.is(status, 0, err);
  const { withFuel, withoutFuel, fuel, callbacks } = JSON.parse(out) as Measured;
  t.true(withFuel.requests >= 256 && withFuel.us < 1000 && withoutFuel.us < 1000);
  t.true(fuel > 5 && fuel < 10_000, String(fuel));
  t.is(callbacks, 1);
  t.is((await callIn(folder, "bench", "blue.wasm", "--seconds", "0")).status, 2);
});

test("push: the module, its name, and what nicd says; exit status 1 when it went back, 69 without nicd", async (t) => {
  const folder = await withFilter(t);
  const asked: { filter: string; wait: boolean; bytes: number }[] = [];
  const socket = join(folder, "nicd.sock");
  const missing = await callIn(folder, "push", "blue.wasm", "--socket", socket);
  t.is(missing.status, 69);
  t.regex(missing.err, /start it: nicd daemon/);
  const outcomes = ["taken", "rolled back"] as const;
  const handlers = {
    pushFilter: async ({ filter, module, wait }: PushFilterRequest): Promise<PushFilterAnswer> => {
      asked.push({ filter, wait, bytes: module.length });
      return { outcome: outcomes[asked.length - 1]!, reason: "10 exchanges", sha256: "ab".repeat(32) };
    },
  };
  // The other methods are not asked.
  const server = await serve({
    daemon: "nicd",
    version: "0.1.0",
    protocol: nicd,
    listen: { path: socket },
    log: createLog(testEnv()),
    handlers: handlers as never,
  });
  t.teardown(() => server.close());
  const taken = await callIn(folder, "push", "blue.wasm", "--socket", socket);
  t.deepEqual([taken.status, taken.out], [0, "blue: taken, 10 exchanges (abababababab)\n"]);
  const back = await callIn(folder, "push", "blue.wasm", "--socket", socket, "--filter", "tag", "--wait", "0");
  t.deepEqual([back.status, back.out], [1, "tag: rolled back, 10 exchanges (abababababab)\n"]);
  const bytes = readFileSync(join(folder, "blue.wasm")).length;
  t.deepEqual(asked, [
    { filter: "blue", wait: true, bytes },
    { filter: "tag", wait: false, bytes },
  ]);
});

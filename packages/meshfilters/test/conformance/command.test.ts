/** `meshfilters conformance`, its report, and hosts that are no proxy-wasm hosts. */
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NotSupportedError, run, testEnv } from "@mitsu/cli";
import test from "ava";
import { parse } from "yaml";
import { meshfilters } from "../../src/cli.ts";
import { asTap, verdictLine } from "../../src/commands/conformance.ts";
import { createAsk } from "../../src/conformance/ask.ts";
import { checks, judgeHost, type Verdict } from "../../src/conformance/judge.ts";
import { envoyYaml, meshYaml } from "../../src/conformance/kit-configuration.ts";
import { kitFilters, kitModules, refusedModules } from "../../src/conformance/kit-modules.ts";
import { kitFolder } from "./kit.ts";

const verdict: Verdict = {
  name: "state/log",
  passed: false,
  seen: "status=2",
  expected: "status=0",
  clause: "proxy_log: every level",
  authority: "specification",
};

test("every check has a name of its own, and a filter that both configurations have", (t) => {
  t.is(new Set(checks.map(({ name }) => name)).size, checks.length);
  const filters = new Set(kitFilters.map(({ name }) => name));
  t.deepEqual(
    checks.filter(({ filter }) => !filters.has(filter)),
    [],
  );
  const mesh = parse(meshYaml()) as { filters: object; services: { upstream: { routes: { filters: string[] }[] } } };
  t.deepEqual(Object.keys(mesh.filters), [...filters]);
  t.deepEqual(
    mesh.services.upstream.routes.map((route) => route.filters),
    [...filters].map((name) => [name]),
  );
  for (const name of filters) t.true(envoyYaml("/kit").includes(`prefix: /${name}/`), name);
});

test("verdictLine() and asTap() say what was seen, what should be, and where that is said", (t) => {
  t.is(verdictLine({ ...verdict, passed: true }), "pass     state/log");
  t.regex(verdictLine(verdict), /^differs {2}state\/log\n.*seen {2}status=2\n.*spec {2}status=0\n.*proxy_log/);
  t.is(
    asTap([{ ...verdict, passed: true }, verdict]),
    'TAP version 14\n1..2\nok 1 - state/log\nnot ok 2 - state/log\n  ---\n  seen: "status=2"\n  expected: "status=0"\n  clause: "proxy_log: every level"\n  ...\n',
  );
});

test("judgeHost() does not take a server without filters for a host", async (t) => {
  const server = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { ask, close } = createAsk(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.teardown(close);
  for (const match of ["headers-0-2-1/", "bodies-0-2-1/", "grpc", "wasi"]) {
    const verdicts = await judgeHost(ask, match);
    const passed = verdicts.filter((one) => one.passed).map(({ name }) => name);
    // What a host without filters does right by itself: nothing was injected.
    t.deepEqual(
      passed.filter((name) => !name.endsWith("crlf")),
      [],
    );
  }
});

test("judgeHost() says of a host that is not there why, and of each check that it differs", async (t) => {
  const { ask, close } = createAsk("http://127.0.0.1:1");
  t.teardown(close);
  const [only] = await judgeHost(ask, "wasi/random-pointer");
  t.is(only?.seen, "ECONNREFUSED");
  t.false(only?.passed);
});

for (const [args, message] of [
  [[], /wants the address of a host/],
  [["ftp://host"], /must begin with http:/],
  [["nonsense"], /must begin with http:/],
  [["nonsense", "--tap"], /must begin with http:/],
  [["http://127.0.0.1:1", "--match", "no-such-check"], /no check has "no-such-check"/],
] as const)
  test(`conformance ${args.join(" ")} is refused`, async (t) => {
    const env = testEnv();
    t.is(await run(meshfilters, ["conformance", ...args], env), 2);
    t.regex(env.err(), message);
    t.is(env.out(), "");
  });

test("compileKit() writes every module, the same bytes each time", async (t) => {
  let folder: string;
  try {
    folder = await kitFolder();
  } catch (error) {
    if (!(error instanceof NotSupportedError)) throw error;
    t.log(`skipped: ${error.message}`);
    return t.pass();
  }
  for (const { name } of kitModules)
    t.true(
      readFileSync(join(folder, `${name}.wasm`))
        .subarray(0, 4)
        .equals(Buffer.from("\0asm")),
      name,
    );
  for (const { name } of refusedModules) t.true(existsSync(join(folder, "refused", `${name}.wasm`)), name);
  if (process.env.MITSU_TEST_ALL !== "1") return;
  const again = mkdtempSync(join(tmpdir(), "mitsu-kit-"));
  t.teardown(() => rmSync(again, { recursive: true, force: true }));
  const env = testEnv({ cwd: again });
  t.is(await run(meshfilters, ["conformance", "--write", "kit"], env), 0);
  t.regex(env.out(), /mesh\.yaml/);
  for (const { name } of kitModules)
    t.deepEqual(readFileSync(join(again, "kit", `${name}.wasm`)), readFileSync(join(folder, `${name}.wasm`)), name);
});

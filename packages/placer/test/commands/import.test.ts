import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, type TestEnv, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import { placer } from "../../src/cli.ts";
import { parseProblem } from "../../src/problem/parse-problem.ts";

const corpus = fileURLToPath(new URL("../corpus/import/", import.meta.url));

/** Runs placer in a folder of its own. */
async function inFolder(t: ExecutionContext, argv: readonly string[], stdin = ""): Promise<{ status: number; env: TestEnv; cwd: string }> {
  const cwd = mkdtempSync(join(tmpdir(), "placer-import-"));
  t.teardown(() => rmSync(cwd, { recursive: true, force: true }));
  const env = testEnv({ cwd, stdin });
  return { status: await run(placer, argv, env), env, cwd };
}

for (const [what, argv] of [
  ["k8s", ["import", "k8s", `${corpus}k8s-boutique.yaml`]],
  [
    "compose",
    ["import", "compose", `${corpus}compose-shop.yaml`, `${corpus}compose-override.yaml`, "--nodes", `${corpus}compose-nodes.yaml`],
  ],
  ["bytedance", ["import", "bytedance", `${corpus}bytedance-small.json`]],
] as const) {
  test(`placer import ${what} -o writes a problem that placer reads, JSON for .json, and warns on stderr`, async (t) => {
    const { status, env, cwd } = await inFolder(t, [...argv, "-o", "problem.json"]);
    t.is(status, 0, env.err());
    t.is(env.out(), "");
    const text = readFileSync(join(cwd, "problem.json"), "utf8");
    t.true(text.startsWith("{\n"));
    t.true(parseProblem(text, "problem.json").services.length > 3);
    t.regex(env.err(), /WARN {2}\S+:\d+:\d+: /);
  });
}

test("placer import writes YAML to stdout, JSON with --json", async (t) => {
  const argv = ["import", "bytedance", `${corpus}bytedance-small.json`];
  const plain = await inFolder(t, argv);
  const json = await inFolder(t, [...argv, "--json"]);
  t.true(plain.env.out().startsWith("version: 1\n"));
  t.deepEqual(parseProblem(plain.env.out(), "a.yaml"), parseProblem(json.env.out(), "a.json"));
  t.is((JSON.parse(json.env.out()) as { version: number }).version, 1);
});

test("placer import k8s - reads stdin", async (t) => {
  const { status, env } = await inFolder(t, ["import", "k8s", "-"], readFileSync(`${corpus}k8s-boutique.yaml`, "utf8"));
  t.is(status, 0, env.err());
  t.regex(env.err(), /stdin:2:1: left out/);
});

for (const [argv, says] of [
  [["import", "bytedance", `${corpus}bytedance-bad.json`], /bytedance-bad\.json:3:38: ServiceList\[0\]\.RequestCPU: -0\.1 is no share/],
  [["import", "k8s", `${corpus}k8s-bad.yaml`], /k8s-bad\.yaml:4:31: status\.allocatable\.cpu/],
  [
    ["import", "compose", `${corpus}compose-bad.yaml`, "--nodes", `${corpus}compose-nodes.yaml`],
    /compose-bad\.yaml:3:21: services\.web\.container_name/,
  ],
  [["import", "compose", `${corpus}compose-shop.yaml`], /Compose files name no nodes/],
  [["import", "k8s", "-", "-"], /stdin is named twice/],
  [["import", "k8s", "none.yaml"], /cannot read none\.yaml: no such file/],
  [["import", "compose", `${corpus}compose-shop.yaml`, "--nodes", "none.yaml"], /cannot read none\.yaml: no such file/],
] as const) {
  test(`placer ${argv.map((word) => word.replace(corpus, "")).join(" ")} ends with 2 and writes nothing`, async (t) => {
    const { status, env, cwd } = await inFolder(t, [...argv, "-o", "problem.yaml"]);
    t.is(status, 2);
    t.regex(env.err(), says);
    t.false(existsSync(join(cwd, "problem.yaml")));
  });
}

test("placer import leaves the file that was there when the import fails", async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), "placer-import-"));
  t.teardown(() => rmSync(cwd, { recursive: true, force: true }));
  writeFileSync(join(cwd, "problem.yaml"), "old");
  t.is(await run(placer, ["import", "k8s", `${corpus}k8s-bad.yaml`, "-o", "problem.yaml"], testEnv({ cwd })), 2);
  t.is(readFileSync(join(cwd, "problem.yaml"), "utf8"), "old");
});

test("placer import jaeger takes traces, and nodes of a file", async (t) => {
  const span = (id: string, process: string, start: number, duration: number, parent?: string) => ({
    traceID: "1",
    spanID: id,
    operationName: "get",
    references: parent === undefined ? [] : [{ refType: "CHILD_OF", traceID: "1", spanID: parent }],
    startTime: start,
    duration,
    processID: process,
    tags: [],
    logs: [],
  });
  const traces = {
    data: [
      {
        traceID: "1",
        spans: [span("a", "p1", 1_000_000, 5000), span("b", "p2", 1_001_000, 2000, "a")],
        processes: { p1: { serviceName: "web", tags: [] }, p2: { serviceName: "cart", tags: [] } },
      },
    ],
  };
  const argv = ["import", "jaeger", "-", "--per-second", "100", "--nodes", `${corpus}compose-nodes.yaml`];
  const { status, env } = await inFolder(t, argv, JSON.stringify(traces));
  t.is(status, 0, env.err());
  const problem = parseProblem(env.out(), "out.yaml");
  t.deepEqual(problem.services.map(({ name }) => name).sort(), ["cart", "web"]);
  t.is(problem.nodes.length, 3);
  t.is(problem.traffic.length, 1);
});

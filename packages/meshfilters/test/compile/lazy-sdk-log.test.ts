/** The AssemblyScript SDK's debug lines: put together only where they are written, and then the same ones. @module */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultLimits, loadModule } from "@mitsu/proxy-wasm";
import test from "ava";
import { FakeStream } from "../../../proxy-wasm/test/host/fake-stream.ts";
import { compileAssemblyScript } from "../../src/compile/assemblyscript.ts";
import { cachedBuild } from "../../src/compile/cached-build.ts";
import { findSource } from "../../src/compile/language.ts";
import { withLazyLog } from "../../src/compile/lazy-sdk-log.ts";
import { casesOf } from "../../src/run/cases.ts";
import { startLocally } from "../../src/run/run-case.ts";
import { scratch } from "../call.ts";
import { compilerTest, vars } from "../compilers.ts";

/** As it is installed. */
const sdk = join(dirname(dirname(fileURLToPath(import.meta.resolve("@gcoredev/proxy-wasm-sdk-as")))), "assembly");
const level = "fastedge/utils/runtime.ts";
const calls = "runtime.ts";
const textOf = (file: string): string => readFileSync(join(sdk, file), "utf8");
const changed = (file: string, text: string = textOf(file)): string => withLazyLog(join("anywhere/assembly", file), text);
const linesOf = (text: string): string[] => text.split("\n");

test("withLazyLog() changes two files of the SDK as it is installed, and no other", (t) => {
  const files = readdirSync(sdk, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  t.deepEqual(files.filter((file) => changed(file) !== textOf(file)).toSorted(), [level, calls].toSorted());
});

test("withLazyLog() puts each debug line of the SDK's runtime.ts behind a question for the level, in the same line", (t) => {
  const [before, after] = [linesOf(textOf(calls)), linesOf(changed(calls))];
  t.is(after.length, before.length);
  let guarded = 0;
  for (const [at, line] of before.entries()) {
    if (/^\s*log\(LogLevelValues\.debug\b/.test(line)) {
      guarded++;
      t.is(after[at], line.replace("log(", "if (isLogged(LogLevelValues.debug)) log("));
      // An `if` more must not become the one that an `else` belongs to.
      t.regex(before[at - 1]!, /[{};]\s*$|^\s*(\/\/.*)?$/, `line ${at}`);
      t.notRegex(before[at + 1]!, /^\s*else/, `line ${at}`);
    } else if (/^import \{ log as wasiLog \}/.test(line))
      t.is(after[at], `${line.trimEnd().slice(0, -1)}; import { isLogged } from "./fastedge/utils/runtime";`);
    else t.is(after[at], line);
  }
  t.is(guarded, textOf(calls).match(/\blog\(LogLevelValues\.debug\b/g)!.length, "none is part of another statement");
  t.true(guarded > 30, `${guarded}`);
});

test("withLazyLog() adds isLogged() behind the last line of the file that has the level", (t) => {
  const [before, after] = [textOf(level), changed(level)];
  t.true(after.startsWith(before));
  t.regex(
    after.slice(before.length),
    /^\nexport function isLogged\(level: LogLevelValues\): bool \{\n {2}return level >= logLevel;\n\}\n$/,
  );
});

test("withLazyLog() leaves alone what is not the SDK's, or is written otherwise", (t) => {
  const line = '  log(LogLevelValues.debug, "a");\n';
  for (const [path, text] of [
    ["x/assembly/other.ts", textOf(calls)],
    ["x/runtime.ts", textOf(calls)],
    ["x/assembly/runtime.ts", line],
    ["x/assembly/runtime.ts", `import { log as wasiLog } from "./elsewhere";\n${line}`],
    ["x/assembly/fastedge/utils/runtime.ts", "let level: LogLevelValues = LogLevelValues.info;\n"],
    ["x/assembly/fastedge/utils/runtime.ts", `function f() {\n  ${textOf(level).split("\n")[2]}\n}\n`],
  ] as const)
    t.is(withLazyLog(path, text), text, path);
  // Other levels, debug lines in the midst of a statement.
  const others =
    'import { log as wasiLog } from "./fastedge";\n  log(LogLevelValues.info, "a");\n  if (x) log(LogLevelValues.debug, "a");\nlog(level, "b");\n';
  t.deepEqual(linesOf(changed(calls, others)).slice(1), linesOf(others).slice(1));
});

/** @param from Where the SDK is. */
const filter = (from: string): string => `// Of @gcoredev/proxy-wasm-sdk-as.
export * from "${from}/assembly/proxy";
import { Context, LogLevelValues, RootContext, registerRootContext } from "${from}/assembly";
import { setLogLevel } from "${from}/assembly/fastedge";

class Root extends RootContext {
  onConfigure(size: u32): bool {
    if (!super.onConfigure(size)) return false;
    if (this.getConfiguration() == "debug") setLogLevel(LogLevelValues.debug);
    return true;
  }
  createContext(id: u32): Context {
    return new Stream(id, this);
  }
}
class Stream extends Context {
  constructor(id: u32, root: Root) {
    super(id, root);
  }
}
registerRootContext((id: u32) => new Root(id), "");
`;

/** What an exchange costs and logs, the last one of four that are open. */
async function ran(wasm: Uint8Array, config: string): Promise<{ readonly fuel: number; readonly logs: readonly string[] }> {
  const [one] = casesOf({ tests: [{ name: "test", config, request: {} }] });
  const { plugin, host } = startLocally(await loadModule(wasm, defaultLimits), "filter", one!.settings, defaultLimits);
  const open = Array.from({ length: 3 }, () => plugin.openHttp(FakeStream.get()));
  const before = plugin.counters.fuel;
  // With it goes proxy_on_context_create, and nothing else.
  open.push(plugin.openHttp(FakeStream.get()));
  const fuel = plugin.counters.fuel - before;
  for (const context of open) context.end();
  return { fuel, logs: host.logs.map(({ text }) => text) };
}

/** As the SDK writes them, of exchanges 2 to 5. */
const debugLines = [2, 3, 4, 5].flatMap((id) => [
  `ensureContext(context_id: ${id}, root_context_id: 1)`,
  `Current context_map: ${[2, 3, 4].slice(0, id - 2).join(", ")}`,
  "ensureRootContext(root_context_id: 1)",
  "Returning root context",
  `Registering new context with context_id: ${id} under root_context: 1`,
  `Updated context_map: ${[2, 3, 4, 5].slice(0, id - 1).join(", ")}`,
]);
const lastLines = [2, 3, 4, 5].flatMap((id) => ["onLog", "onDone", "onDelete"].map((name) => `context id: ${id}: ${name}()`));
const wanted = [...debugLines, ...lastLines].map((line) => `[DEBUG]: ${line}`);

/** The SDK that is not changed takes 22 582 units. */
const contextFuel = 5000;

test("a filter with the changed SDK logs each debug line if it asks for them, and else makes a context for a tenth of the fuel", async (t) => {
  const path = join(scratch(t), "filter.ts");
  writeFileSync(path, filter("@gcoredev/proxy-wasm-sdk-as"));
  const options = { optimise: "2", debug: false, key: undefined, capabilities: [], release: "0.1.0", builder: "test" } as const;
  const { wasm } = await cachedBuild(findSource(path), options, vars);
  const quiet = await ran(wasm, "");
  t.deepEqual(quiet.logs, []);
  t.true(quiet.fuel > 0 && quiet.fuel < contextFuel, `${quiet.fuel} units`);
  t.deepEqual((await ran(wasm, "debug")).logs, wanted);
});

compilerTest(
  "a filter with the SDK as it is logs the same lines, and makes a context for more fuel than the test above allows",
  ["assemblyscript"],
  async (t) => {
    const folder = scratch(t);
    // In a folder of another name it is not known for the SDK.
    cpSync(sdk, join(folder, "copy/assembly"), { recursive: true });
    const path = join(folder, "filter.ts");
    writeFileSync(path, filter("./copy"));
    const { wasm } = await compileAssemblyScript(findSource(path), { optimise: "2", debug: false, scratch: folder });
    t.deepEqual((await ran(wasm, "debug")).logs, wanted);
    const quiet = await ran(wasm, "");
    t.deepEqual(quiet.logs, []);
    t.true(quiet.fuel > 2 * contextFuel, `${quiet.fuel} units`);
  },
  true,
);

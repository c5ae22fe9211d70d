/** `meshfilters build rules.yaml`: files, report, errors; the engine is what its source compiles to. @module */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readManifest, verify } from "@mitsu/proxy-wasm";
import test, { type ExecutionContext } from "ava";
import { buildRules, builtText } from "../../src/rules/build-rules.ts";
import { parseRules } from "../../src/rules/parse-rules.ts";
import { compileEngine, engineModule } from "../../src/rules/wasm/build-engine.ts";
import { engineBase64 } from "../../src/rules/wasm/engine-module.ts";
import { rulesModule } from "../../src/rules/wasm/rules-module.ts";
import { compilerTest } from "../compilers.ts";
import { WasmRunner } from "./wasm-runner.ts";

function folder(t: ExecutionContext, rules: string): { readonly path: string; readonly source: string } {
  const path = mkdtempSync(join(tmpdir(), "mitsu-rules-"));
  t.teardown(() => rmSync(path, { recursive: true }));
  const source = join(path, "rules.yaml");
  writeFileSync(source, rules);
  return { path, source };
}

const mixed = `version: 1
rules:
  - { name: no-cart, match: { from: cart }, do: deny }
  - { name: canary, match: { path: /, header: { x-canary: "1" } }, do: { route: web-canary } }
  - { name: again, match: { header: { x-canary: "1" } }, do: allow }
`;

test("buildRules() writes a file for each device, signed where a key is given, and says what goes where", async (t) => {
  const { path, source } = folder(t, mixed);
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const built = await buildRules(source, { key: privateKey });
  t.deepEqual(readdirSync(path).sort(), ["rules.policies.yaml", "rules.wasm", "rules.yaml"]);
  const module = readFileSync(join(path, "rules.wasm"));
  t.is(typeof verify(module, [publicKey]), "string");
  t.deepEqual(readManifest(module)?.capabilities, ["clock", "foreign", "headers", "local-response", "metrics", "properties"]);
  t.deepEqual(
    built.artifacts.map(({ device, rules }) => [device, rules]),
    [
      ["kernel", 1],
      ["wasm", 3],
    ],
  );
  const text = builtText(built, process.stdout);
  t.regex(text, /no-cart +kernel +126 +1 +- +the cheapest/);
  t.regex(text, /canary +wasm +\d+ +1 +- +kernel: decides at connect, before there is a request: it sees no header/);
  t.regex(text, /notice: rule "again" never decides: rules before it match all of it/);
  t.regex(text, /notice: kernel and wasm decide together: install all files/);
  t.regex(text, /notice: rule "canary" routes by header: mesh\.yaml needs a route/);
  const again = await buildRules(source, { key: privateKey, output: join(path, "other.wasm") });
  t.deepEqual(
    again.artifacts.map(({ path: at }) => at),
    [join(path, "other.policies.yaml"), join(path, "other.wasm")],
  );
  writeFileSync(source, "version: 1\nrules: [{ match: { path: /a }, do: deny }]\n");
  const without = await buildRules(source);
  t.deepEqual(
    without.artifacts.map(({ device, rules }) => [device, rules]),
    [
      ["wasm", 2],
      ["kernel", 0],
    ],
  );
  t.regex(readFileSync(join(path, "rules.policies.yaml"), "utf8"), /policies: \[\]/);
  writeFileSync(source, mixed);
  await buildRules(source);
  t.is(Buffer.compare(readFileSync(join(path, "other.policies.yaml")), readFileSync(join(path, "rules.policies.yaml"))), 0);
});

test("buildRules() writes nothing where something is wrong", async (t) => {
  const { path, source } = folder(t, "version: 1\nrules: [{ match: { path: /a }, do: deny }]\n");
  await t.throwsAsync(buildRules(source, { backEnds: ["kernel"] }), {
    code: "ERR_RULES_DEVICE",
    message: /rule "rule-1": no device can do it: kernel: /,
  });
  await t.throwsAsync(buildRules(source, { key: "no key" }), { code: "ERR_FILTER_SIGNATURE" });
  await t.throwsAsync(buildRules(source, { output: join(path, "no/such/rules.wasm") }), {
    code: "ERR_RULES_FILE",
    message: /no such folder/,
  });
  await t.throwsAsync(buildRules(join(path, "none.yaml")), { code: "ERR_RULES_FILE", message: /no such file/ });
  await t.throwsAsync(buildRules(path), { code: "ERR_RULES_FILE", message: /it is no file/ });
  writeFileSync(source, Uint8Array.of(0xff, 0xfe, 0));
  await t.throwsAsync(buildRules(source), { code: "ERR_RULES_FILE" });
  writeFileSync(source, "version: 1\nrules: [{ do: dney }]\n");
  await t.throwsAsync(buildRules(source), { code: "ERR_RULES_INVALID" });
  t.deepEqual(readdirSync(path), ["rules.yaml"]);
});

test("rulesModule() takes one request's fuel whether it has 10 rules or 10 000", async (t) => {
  const fuelOf = async (count: number): Promise<number> => {
    const rules = Array.from({ length: count }, (_, at) => `  - { match: { host: h${at}.example, path: /p/${at} }, do: deny }`).join("\n");
    const runner = await WasmRunner.of(rulesModule(parseRules(`version: 1\nrules:\n${rules}\n`, "rules.yaml").rules).bytes);
    const request = { service: "", spiffe: "", address: "", port: 80 };
    const before = runner.fuel;
    for (let at = 0; at < 100; at++)
      runner.judge({
        ...request,
        headers: [
          [":authority", `h${at % count}.example`],
          [":path", `/p/${at % count}/x`],
          [":method", "GET"],
        ],
      });
    return (runner.fuel - before) / 100;
  };
  const [few, many] = [await fuelOf(10), await fuelOf(process.env.MITSU_TEST_ALL === "1" ? 10_000 : 3000)];
  t.true(many < few * 1.25, `${few} and ${many}`);
});

const kept = readFileSync(new URL("../../src/rules/wasm/engine-module.ts", import.meta.url), "utf8");

test("engine-module.ts was compiled from rules-engine.as as it stands", (t) => {
  t.is(engineModule(Buffer.from(engineBase64, "base64")), kept);
});

compilerTest(
  "engine-module.ts is what rules-engine.as compiles to",
  ["assemblyscript"],
  async (t) => {
    t.is(engineModule(await compileEngine()), kept);
  },
  true,
);

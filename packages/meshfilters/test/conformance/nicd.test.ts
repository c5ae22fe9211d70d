/** The conformance kit against a real nicd. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NotSupportedError } from "@mitsu/cli";
import test from "ava";
import { startNicd } from "../../../../bench/lib/filters-nicd.ts";
import { createAsk } from "../../src/conformance/ask.ts";
import { judgeHost } from "../../src/conformance/judge.ts";
import { meshYaml } from "../../src/conformance/kit-configuration.ts";
import { startUpstream } from "../../src/conformance/upstream.ts";
import { kitFolder } from "./kit.ts";
import { freePorts } from "./ports.ts";

/** What nicd does as Envoy, and not as the specification has it; see conformance.md. */
const asEnvoy = /^headers-.*\/(response-)?size$/;
/** What is known to differ, and should not. */
const known: readonly string[] = [];

test("nicd passes the conformance kit, but for what it does as Envoy", async (t) => {
  let modules: string;
  try {
    modules = await kitFolder();
  } catch (error) {
    if (!(error instanceof NotSupportedError)) throw error;
    t.log(`skipped: ${error.message}`);
    return t.pass();
  }
  t.timeout(60_000);
  const scratch = mkdtempSync(join(tmpdir(), "mitsu-conformance-"));
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  cpSync(modules, scratch, { recursive: true });
  const ports = await freePorts();
  const upstream = await startUpstream(ports);
  t.teardown(upstream.close);
  const nicd = await startNicd(scratch, meshYaml(ports), ports.host, "upstream");
  t.teardown(nicd.stop);
  const { ask, close } = createAsk(`http://127.0.0.1:${ports.host}`);
  t.teardown(close);
  const verdicts = await judgeHost(ask);
  t.true(verdicts.length > 400, "every check was made");
  const differ = verdicts.filter(({ name, passed }) => !passed && !asEnvoy.test(name));
  for (const { name, seen, expected } of differ) t.log(`${name}: saw ${seen}, not ${expected}`);
  t.deepEqual(differ.map(({ name }) => name).toSorted(), [...known].toSorted());
});

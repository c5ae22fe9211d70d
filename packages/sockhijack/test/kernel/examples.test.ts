/** Every script of examples/ does what its first lines say, and leaves nothing behind. @module */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cgroup2Path } from "@mitsu/ebpf-ts";
import test from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { tracesOf } from "./support/kernel-state.ts";
import { Program } from "./support/program.ts";

const examples = new URL("../../../../examples/", import.meta.url).pathname;
/** A line that only an example which worked prints. */
const expected: Readonly<Record<string, RegExp>> = {
  "01-two-programs.sh": /^client \S+ +redis \S+ +redirected /m,
  "02-mesh-yaml.sh": /^ +\d+ replica 2$/m,
  "03-policy.sh": /^connect denied from=intruder to=redis port=6379 .*rule=nobody-else/m,
  "04-attach-running.sh": /^0 of 8 connections redirected\nthe client noticed nothing$/m,
  "05-tap.sh": /^[1-9]\d* requests are in it, in full$/m,
  "06-trace.sh": /^ {3}└─ shop → stock {2}GET \/items\/42 {2}200 .* by thread$/m,
  "07-nicd-alone.sh": /^ +\d+ version 2\n +40 200\n503 after 0\.[2-9]\d* s[\s\S]* shop {2}GET \/ {2}503 .* FI$/m,
  "08-two-nodes.sh": /^http:\/\/127\.0\.0\.1\/: the page can be read in the capture 0 times\n.*\nb +→ +10\.212\.0\.2:15008 +up +mtls /m,
  "09-authorisation.sh":
    /^12 left\nRBAC: access denied\n12 left\nRBAC: access denied\n[\s\S]*^shop → stock {2}DELETE \/items\/42 {2}403 .*UAEX$/m,
  "10-broker.sh":
    /^panel .* away [\s\S]*^rooms\/kitchen\/door opened\nrooms\/kitchen\/door closed\nTOPIC[\s\S]*\nrooms\/kitchen\/temperature +1 .* 21\.5\n/m,
  "11-broker-security.sh":
    /^sensors\/sensor-7\/temperature 21\.5\n[\s\S]*"denied-publish".*"topic":"sensors\/sensor-8\/temperature"[\s\S]*"reason":"wrong user name or password"[\s\S]*"anonymous clients are not allowed"/m,
  "12-broker-bridge.sh":
    /^site\/sensors\/1 21\.5\norders\/1 open the valve\n[\s\S]*\nsite\/sensors\/2 22\nsite\/sensors\/3 23\n[\s\S]*^cloud +bridge .* up /m,
  "13-feedback.sh": /^\d{3} bytes: .*"n":20,[\s\S]* messages told what 20 did[\s\S]*"top":\[\["n7",99\],\["n8",96\]\]/m,
  "14-placement.sh":
    /^redis-0 of redis is on n1: beside cart[\s\S]*^plan\.json +mitsu +9\d %[\s\S]*^the picture has \d+ bytes$[\s\S]*^would write: 5 new[\s\S]*the optimum, proven by HiGHS$/m,
  "15-selection.sh": /^round-robin: p50 .*\nmitsu: p50 [\s\S]* is drained, with nothing in flight after .*\nno request failed meanwhile$/m,
  "16-hardware.sh": /^after 1001 cycles the count is 232[\s\S]*^routes moved from simulated-nic to software-match-action/m,
  "17-filters.sh":
    /^# 2 passed, 0 failed$[\s\S]*^x-blue is green$[\s\S]*^not signed: nicd never took it$[\s\S]*^blue: rolled back, [\s\S]*^x-blue is green$/m,
};

test("every example is run here, is short, and says what it shows and how it is run", (t) => {
  const scripts = readdirSync(examples).filter((name) => name.endsWith(".sh"));
  t.deepEqual(scripts.toSorted(), Object.keys(expected));
  for (const script of scripts) {
    const lines = readFileSync(join(examples, script), "utf8").split("\n");
    t.true(lines.length <= 41, `${script} has ${lines.length - 1} lines`);
    t.regex(lines[1]!, /^# .{40,}/);
    t.is(lines[2], `# Usage: sudo examples/${script}`);
  }
});

for (const [script, line] of Object.entries(expected)) {
  kernelTest(`examples/${script} exits 0, prints what it promises, and leaves nothing`, async (t) => {
    const temporary = mkdtempSync(join(tmpdir(), "mitsu-example-"));
    // The example makes a folder of its own with its daemon's socket in it: the name leads to that daemon's pins, state and cgroups.
    const folders = new Set<string>();
    const watcher = watch(temporary, (_change, name) => name?.startsWith("tmp.") && folders.add(name));
    const example = new Program([join(examples, script)], { env: { TMPDIR: temporary } });
    t.teardown(async () => {
      watcher.close();
      await example.stop();
      rmSync(temporary, { recursive: true, force: true });
    });
    const { status, stdout, stderr } = await example.ended;
    t.is(status, 0, stdout + stderr);
    t.regex(stdout, line);
    t.is(folders.size, 1);
    for (const name of folders) t.deepEqual(tracesOf(join(temporary, name, "sockhijack.sock")).paths, []);
    t.deepEqual(readdirSync(temporary), []);
    t.false(existsSync(join(cgroup2Path()!, `mitsu-example-${example.pid}`)));
    for (const node of ["a", "b"]) t.false(existsSync(`/run/netns/mitsu-example-${example.pid}-${node}`));
  });
}

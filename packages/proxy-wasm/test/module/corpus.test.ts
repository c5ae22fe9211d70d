import { readdirSync, readFileSync } from "node:fs";
import test from "ava";
import { defaultLimits } from "../../src/host/limits.ts";
import { loadModule } from "../../src/module/mod.ts";

const folder = new URL("corpus/", import.meta.url);

/** A file's lines: `# what`, `refused CODE message` or `accepted`, then the module in hex, with `;` before notes. */
for (const file of readdirSync(folder)) {
  const lines = readFileSync(new URL(file, folder), "utf8").split("\n");
  const [, verdict = "", code = "", message = ""] = /^(accepted|refused)(?: (ERR_\w+) (.*))?$/.exec(lines[1] ?? "") ?? [];
  const bytes = Buffer.from(
    lines
      .slice(2)
      .map((line) => line.replace(/;.*/, ""))
      .join("")
      .replaceAll(/\s/g, ""),
    "hex",
  );
  test(`loadModule() on ${file}: ${lines[0]?.slice(2)}`, async (t) => {
    if (verdict === "accepted") await t.notThrowsAsync(loadModule(bytes, defaultLimits));
    else {
      const error = await t.throwsAsync(loadModule(bytes, defaultLimits), { code });
      t.true(error?.message.includes(message), error?.message);
    }
  });
}

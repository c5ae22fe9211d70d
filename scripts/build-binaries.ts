/** Makes dist/bin/<daemon>, one standalone binary each; ./build does the set-up and calls it. @module */
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildBinary } from "./build-binary.ts";

const packages = resolve(import.meta.dirname, "../packages");

process.exitCode = await main(process.argv.slice(2));

async function main(argv: string[]): Promise<number> {
  let values: { out: string; force: boolean };
  let asked: string[];
  try {
    const options = {
      out: { type: "string", default: join(packages, "../dist/bin") },
      force: { type: "boolean", default: false },
    } as const;
    ({ values, positionals: asked } = parseArgs({ args: argv, allowPositionals: true, options }));
  } catch (error) {
    console.error(`build: ${(error as Error).message}\nSee ./build --help.`);
    return 2;
  }
  const daemons = globSync("*/src/main.ts", { cwd: packages }).map((path) => path.slice(0, path.indexOf("/")));
  const unknown = asked.filter((name) => !daemons.includes(name));
  if (unknown.length > 0) {
    console.error(`build: no daemon ${unknown.join(", ")}; there is ${daemons.join(", ") || "none"}`);
    return 2;
  }
  for (const daemon of asked.length > 0 ? asked : daemons) {
    const began = performance.now();
    const { built, sizeBytes } = await buildBinary({
      entry: join(packages, daemon, "src/main.ts"),
      assets: globSync(join(packages, daemon, "{bpf/*.bpf.o,native/*.so,sdk/*/*,templates/*,src/conformance/filters/*}")),
      nodeFlags: nodeFlagsOf(daemon),
      binary: resolve(values.out, daemon),
      force: values.force,
    });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${join(values.out, daemon)}: ${built ? `built, ${(sizeBytes / 1e6).toFixed(0)} MB` : "up to date"} (${seconds} s)`);
  }
  return 0;
}

/** As scripts/run-daemon takes them. */
function nodeFlagsOf(daemon: string): string[] {
  try {
    return readFileSync(join(packages, daemon, "node-flags"), "utf8")
      .split(/\s+/)
      .filter((flag) => flag !== "");
  } catch {
    return []; // it has none
  }
}

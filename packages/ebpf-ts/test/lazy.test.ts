import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import test from "ava";

const script = `
  await import(process.argv[1]);
  const maps = require("node:fs").readFileSync("/proc/self/maps", "utf8");
  console.log(JSON.stringify({ koffi: maps.includes("koffi"), libbpf: maps.includes("libbpf") }));`;

test("importing the package loads neither koffi nor libbpf", (t) => {
  const mod = fileURLToPath(new URL("../src/mod.ts", import.meta.url));
  const output = execFileSync(process.execPath, ["-e", `(async () => {${script}})()`, mod], { encoding: "utf8" });
  t.deepEqual(JSON.parse(output), { koffi: false, libbpf: false });
});

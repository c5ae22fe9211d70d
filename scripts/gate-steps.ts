/** The checks of the gate besides ava's tests. @module */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** One check: a command that must exit 0; with 69 it says that this machine lacks something, which skips it. */
export interface GateStep {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

/** The table of checks for the checkout in the working directory, cheapest first. */
export function gateSteps(): readonly GateStep[] {
  const files = sourceFiles();
  const bpf = files.filter((file) => /\/bpf\/.*\.(c|h)$/.test(file));
  const native = files.filter((file) => /\/native\/.*\.(c|h)$/.test(file));
  const shell = files.filter(isShellScript);
  const steps: GateStep[] = [
    { name: "biome check", command: ["node_modules/.bin/biome", "check", "--no-errors-on-unmatched", "."] },
    { name: "tsc --noEmit", command: ["node_modules/.bin/tsc", "--noEmit"] },
    { name: "knip", command: ["node_modules/.bin/knip", "--no-progress", "--no-config-hints"] },
  ];
  if (bpf.length > 0) steps.push({ name: "build-bpf", command: ["scripts/build-bpf"] });
  if (native.length > 0) steps.push({ name: "build-native", command: ["scripts/build-native"] });
  if (files.some((file) => /\/rtl\/.*\.sv$/.test(file))) steps.push({ name: "build-rtl", command: ["scripts/build-rtl"] });
  if (bpf.length + native.length > 0)
    steps.push({ name: "clang-format", command: ["clang-format", "--dry-run", "-Werror", ...bpf, ...native] });
  if (shell.length > 0) steps.push({ name: "shellcheck", command: ["shellcheck", "-x", ...shell] });
  return steps;
}

/** Tracked files and new ones that git does not ignore, so that a file is checked before it is committed. */
function sourceFiles(): string[] {
  const git = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"], { encoding: "utf8" });
  return git.status === 0 ? git.stdout.split("\0").filter((file) => file !== "") : [];
}

function isShellScript(file: string): boolean {
  if (file.endsWith(".sh")) return true;
  if (/\.[a-z0-9]+$/i.test(file)) return false;
  try {
    return /^#!.*\b(ba)?sh\b/.test(readFileSync(file, "latin1").slice(0, 80));
  } catch {
    return false; // deleted but still in git's index, or a link to a folder
  }
}

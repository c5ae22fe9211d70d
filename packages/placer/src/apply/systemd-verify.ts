/** Asks systemd itself whether files are right, before any is written. @module */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Env } from "@mitsu/cli";
import { exitStatus, MitsuError, NotSupportedError } from "@mitsu/cli/error";
import type { SystemdFiles } from "./systemd-files.ts";

/** A unit to hang a drop-in on where the real one does not exist yet. */
const standIn = "[Unit]\nDescription=stands in\n[Service]\nExecStart=/bin/true\n";

/**
 * Runs `systemd-analyze verify` on the files in a folder aside, which systemd reads before the real ones. Its status is 0 for unknown keys too,
 * so whatever it says is a failure; only what it says of the units without our files is left out, as that is not of our making.
 *
 * @throws {MitsuError} `ERR_PLACER_SYSTEMD_VERIFY` with what it says
 * @throws {NotSupportedError} when there is no systemd-analyze
 */
export function verifySystemd({ files, units, missing }: SystemdFiles, directory: string, env: Pick<Env, "vars">): void {
  const slices = files
    .filter(({ path, contents }) => contents !== null && path.endsWith(".slice"))
    .map(({ path }) => relative(directory, path));
  const names = [...units, ...slices];
  if (names.length === 0) return;
  const aside = mkdtempSync(join(tmpdir(), "mitsu-placer-"));
  try {
    for (const { path, contents } of files) {
      if (contents === null) continue;
      const place = join(aside, relative(directory, path));
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, contents);
    }
    for (const unit of missing) writeFileSync(join(aside, unit), standIn);
    const said = analyze(names, [aside, directory], env);
    if (said.length === 0) return;
    const known = new Set(
      analyze(
        units.filter((unit) => !missing.includes(unit)),
        [directory],
        env,
      ),
    );
    const ours = said.filter((line) => !known.has(line)).map((line) => line.replaceAll(aside, directory));
    if (ours.length === 0) return;
    throw new MitsuError(`systemd-analyze verify objects; nothing was written:\n  ${ours.join("\n  ")}`, {
      code: "ERR_PLACER_SYSTEMD_VERIFY",
      hint: "see the unit it names, and --unit",
      exit: exitStatus.data,
    });
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** What systemd-analyze says, line by line. */
function analyze(names: readonly string[], path: readonly string[], { vars }: Pick<Env, "vars">): string[] {
  if (names.length === 0) return [];
  const { error, stderr, status } = spawnSync("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", "--", ...names], {
    // The colon at the end keeps systemd's own path behind these.
    env: {
      PATH: vars.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin",
      LC_ALL: "C.UTF-8",
      SYSTEMD_UNIT_PATH: `${path.join(":")}:`,
      SYSTEMD_LOG_LEVEL: "warning",
    },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new NotSupportedError(
      "cannot verify systemd's files: there is no systemd-analyze",
      "apt-get install systemd; nothing was written",
      error,
    );
  }
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  return lines.length === 0 && status !== 0 ? [`systemd-analyze ended with status ${status}`] : lines;
}

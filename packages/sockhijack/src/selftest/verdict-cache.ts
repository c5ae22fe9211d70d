/** The verdict on disk: `selftest.json` in the state folder, good for one kernel and one version of the programs. @module */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { release, version } from "node:os";
import { join } from "node:path";
import type { Log } from "@mitsu/cli";
import { z } from "zod";
import { layoutVersion } from "../kernel/layout.ts";
import type { Verdict } from "./verdict.ts";

const file = z.object({
  key: z.string(),
  verdict: z.object({ usable: z.boolean(), promote: z.boolean(), unread: z.boolean(), broken: z.array(z.string()) }),
});

/** Names what was judged: the running kernel and its build, the layout, and the object's SHA-256. */
export function cacheKey(object: Uint8Array): string {
  return `${release()} ${version()} v${layoutVersion} ${createHash("sha256").update(object).digest("hex")}`;
}

/** The verdict an earlier start has kept; undefined when there is none for this key, or none that can be read. */
export function readVerdict(state: string, key: string): Verdict | undefined {
  try {
    const kept = file.parse(JSON.parse(readFileSync(join(state, "selftest.json"), "utf8")));
    return kept.key === key ? kept.verdict : undefined;
  } catch {
    return undefined; // missing, half written by a full disk, or of an older format: the self-test runs again
  }
}

/** Keeps a verdict, whole or not at all; a folder that cannot be written only costs the next start its time. */
export function saveVerdict(state: string, key: string, verdict: Verdict, log: Log): void {
  try {
    mkdirSync(state, { recursive: true, mode: 0o750 });
    const path = join(state, "selftest.json");
    writeFileSync(`${path}.new`, `${JSON.stringify({ key, verdict }, null, 2)}\n`, { mode: 0o640 });
    renameSync(`${path}.new`, path);
  } catch (error) {
    log.warn("cannot keep the self-test's verdict; the next start runs it again", { error });
  }
}

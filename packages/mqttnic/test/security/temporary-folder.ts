/** A folder of a test's own. @module */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";

/** Makes it, removes it with the test; `file` writes into it and returns the path. */
export function temporaryFolder(t: ExecutionContext): { readonly path: string; file(name: string, content: string | Uint8Array): string } {
  const path = mkdtempSync(join(tmpdir(), "mqttnic-s-"));
  t.teardown(() => rmSync(path, { recursive: true }));
  return {
    path,
    file(name, content) {
      writeFileSync(join(path, name), content);
      return join(path, name);
    },
  };
}

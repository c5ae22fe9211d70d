/** kernelTest: a test of the running kernel, for every package. @module */
import { NotSupportedError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import { requireFeatures } from "../src/mod.ts";

/**
 * Declares a serial test that skips, loudly, on NotSupportedError and on nothing else; with MITSU_REQUIRE_KERNEL=1 it fails instead.
 * Kernel BTF and the rights to load, attach and enter namespaces are asked for beforehand, so that all skip without root.
 *
 * @example
 * ```ts
 * kernelTest("probeFeatures() finds ring buffers", (t) => {
 *   requireFeatures(["ringbuf"]);
 *   t.true(probeFeatures(["ringbuf"])[0]?.supported);
 * });
 * ```
 */
export function kernelTest(title: string, body: (t: ExecutionContext) => void | Promise<void>): void {
  test.serial(title, async (t) => {
    try {
      requireFeatures(["btf", "capBpf", "capNetAdmin", "capSysAdmin"]);
      await body(t);
    } catch (error) {
      console.log(skipLine(title, error, process.env.MITSU_REQUIRE_KERNEL === "1"));
      t.pass();
    }
  });
}

/**
 * The line that tells of a skipped test.
 *
 * @throws `error` itself, if it is no reason to skip.
 */
export function skipLine(title: string, error: unknown, required: boolean): string {
  if (required || !(error instanceof NotSupportedError)) throw error;
  return `SKIP ${title}: ${error.message}; ${error.hint}`;
}

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
      const reason = skipReason(error, process.env.MITSU_REQUIRE_KERNEL === "1");
      console.log(`SKIP ${title}: ${reason}`);
      // What ./test counts as skipped (scripts/tap.ts): ava itself cannot skip a running test.
      t.log(`skipped: ${reason}`);
      t.pass();
    }
  });
}

/**
 * Why a test is skipped, with what to do about it.
 *
 * @throws `error` itself, if it is no reason to skip.
 */
export function skipReason(error: unknown, required: boolean): string {
  if (required || !(error instanceof NotSupportedError)) throw error;
  return `${error.message}; ${error.hint}`;
}

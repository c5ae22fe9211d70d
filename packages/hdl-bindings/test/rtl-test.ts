/** rtlTest: a test that wants Verilator, a compiler or built models. @module */
import { NotSupportedError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import { all, type Need, needs, required } from "./needs.ts";

/** @throws {NotSupportedError} for the first thing that is not there. */
function requireNeeds(wanted: readonly Need[]): void {
  for (const need of wanted) {
    if (!needs[need].there()) throw new NotSupportedError(`there is no ${need} for RTL`, needs[need].hint);
  }
}

/**
 * Declares a test of RTL that skips, loudly, where a tool or a model is missing, and on nothing else; with MITSU_REQUIRE_RTL=1 it fails instead.
 *
 * @param options What it needs, and whether it takes long: then only MITSU_TEST_ALL=1 runs it.
 * @example
 * ```ts
 * rtlTest("a counter counts", { needs: ["verilator", "wasm"] }, async (t) => { … });
 * ```
 */
export function rtlTest(
  title: string,
  options: { readonly needs: readonly Need[]; readonly long?: boolean; readonly serial?: boolean },
  body: (t: ExecutionContext) => void | Promise<void>,
): void {
  (options.serial ? test.serial : test)(title, async (t) => {
    let reason = options.long && !all ? "takes long; MITSU_TEST_ALL=1 runs it" : undefined;
    if (reason === undefined) {
      try {
        requireNeeds(options.needs);
        await body(t);
        return;
      } catch (error) {
        if (required || !(error instanceof NotSupportedError)) throw error;
        reason = `${error.message}; ${error.hint}`;
      }
    }
    t.log(`skipped: ${reason}`); // what ./test counts as skipped (scripts/tap.ts)
    t.pass();
  });
}

/** {@link rtlTest} of what needs the built models and nothing else. */
export function modelTest(title: string, body: (t: ExecutionContext) => void | Promise<void>): void {
  rtlTest(title, { needs: ["models"] }, body);
}

/** The same, one after the other within its file. */
export function serialModelTest(title: string, body: (t: ExecutionContext) => void | Promise<void>): void {
  rtlTest(title, { needs: ["models"], serial: true }, body);
}
